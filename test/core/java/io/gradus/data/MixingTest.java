package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MixingTest {

  /** Example i is i + 1 everywhere and of class i % 3. */
  private static Batch batch(int n, long... dims) {
    long[] shape = new long[dims.length + 1];
    shape[0] = n;
    System.arraycopy(dims, 0, shape, 1, dims.length);
    int size = (int) Arrays.stream(dims).reduce(1, (a, b) -> a * b);
    float[] values = new float[n * size];
    int[] labels = new int[n];
    for (int i = 0; i < n; i++) {
      Arrays.fill(values, i * size, (i + 1) * size, i + 1);
      labels[i] = i % 3;
    }
    return new Batch(Tensor.of(values, shape), Tensor.of(labels));
  }

  // Beta

  @Test
  void beta_has_its_mean_and_variance() {
    for (double alpha : new double[] {0.01, 0.2, 1, 4, 50}) {
      int n = 20_000;
      double sum = 0;
      double squares = 0;
      for (int i = 0; i < n; i++) {
        double x = Beta.draw(alpha, Seed.of(1).split(i));
        assertTrue(x >= 0 && x <= 1, "outside: " + x);
        sum += x - 0.5;
        squares += (x - 0.5) * (x - 0.5);
      }
      double variance = 1 / (4 * (2 * alpha + 1));
      assertEquals(0, sum / n, 5 * Math.sqrt(variance / n), "mean of alpha " + alpha);
      assertEquals(variance, squares / n, 0.06 * variance, "variance of alpha " + alpha);
    }
  }

  @Test
  void beta_of_1_is_even() {
    int[] tenths = new int[10];
    for (int i = 0; i < 10_000; i++) {
      tenths[(int) (10 * Beta.draw(1, Seed.of(2).split(i)))]++;
    }
    for (int count : tenths) {
      assertEquals(1000, count, 5 * 30);
    }
  }

  // Mixup

  @Test
  void mixup_mixes_inputs_and_targets_alike() {
    Set<Double> shares = new HashSet<>();
    for (int trial = 0; trial < 20; trial++) {
      Batch mixed = new Mixup(1, 3).apply(batch(6, 2, 2), Seed.of(trial));
      assertArrayEquals(new long[] {6, 3}, mixed.targets().shape().toArray());
      float[] x = mixed.inputs().toFloats();
      float[] t = mixed.targets().toFloats();
      double share = Beta.draw(1, Seed.of(trial).split(0));
      shares.add(share);
      Set<Long> partners = new HashSet<>();
      for (int i = 0; i < 6; i++) {
        for (int j = 1; j < 4; j++) {
          assertEquals(x[4 * i], x[4 * i + j]);
        }
        long partner = Math.round((x[4 * i] - share * (i + 1)) / (1 - share)) - 1;
        partners.add(partner);
        assertEquals(share * (i + 1) + (1 - share) * (partner + 1), x[4 * i], 1e-5);
        for (int c = 0; c < 3; c++) {
          double want = (i % 3 == c ? share : 0) + (partner % 3 == c ? 1 - share : 0);
          assertEquals(want, t[3 * i + c], 1e-6);
        }
      }
      assertEquals(Set.of(0L, 1L, 2L, 3L, 4L, 5L), partners);
    }
    assertEquals(20, shares.size());
  }

  @Test
  void the_same_seed_mixes_the_same() {
    Batch batch = batch(5, 1, 4, 4);
    for (int trial = 0; trial < 5; trial++) {
      Seed seed = Seed.of(trial);
      assertArrayEquals(
          new Mixup(0.2, 3).apply(batch, seed).inputs().toFloats(),
          new Mixup(0.2, 3).apply(batch, seed).inputs().toFloats());
      assertArrayEquals(
          new CutMix(1, 3).apply(batch, seed).inputs().toFloats(),
          new CutMix(1, 3).apply(batch, seed).inputs().toFloats());
    }
    assertArrayEquals(batch(5, 1, 4, 4).inputs().toFloats(), batch.inputs().toFloats());
  }

  @Test
  void mixed_batches_may_be_mixed_again_and_keep_their_type() {
    Batch batch = batch(4, 1, 3, 3);
    Batch half = new Batch(Pointwise.cast(batch.inputs(), DType.BF16), batch.targets());
    Batch once = new Mixup(0.4, 3).apply(half, Seed.of(1));
    Batch twice = new CutMix(1, 3).apply(once, Seed.of(2));
    assertEquals(DType.BF16, twice.inputs().dtype());
    assertEquals(DType.F32, twice.targets().dtype());
    float[] t = twice.targets().toFloats();
    for (int i = 0; i < 4; i++) {
      assertEquals(1, t[3 * i] + t[3 * i + 1] + t[3 * i + 2], 1e-5);
    }
  }

  // CutMix

  @Test
  void cutmix_pastes_one_box_and_mixes_targets_by_its_area() {
    boolean pasted = false;
    boolean cutOff = false;
    for (int trial = 0; trial < 60; trial++) {
      Batch mixed = new CutMix(1, 3).apply(batch(4, 2, 6, 8), Seed.of(trial));
      float[] x = mixed.inputs().toFloats();
      float[] t = mixed.targets().toFloats();
      for (int i = 0; i < 4; i++) {
        int other = -1;
        int top = 6;
        int bottom = -1;
        int left = 8;
        int right = -1;
        int area = 0;
        for (int row = 0; row < 6; row++) {
          for (int column = 0; column < 8; column++) {
            int at = i * 96 + row * 8 + column;
            assertEquals(x[at], x[at + 48], "the channels differ");
            if (x[at] != i + 1) {
              other = (int) x[at] - 1;
              top = Math.min(top, row);
              bottom = Math.max(bottom, row);
              left = Math.min(left, column);
              right = Math.max(right, column);
              area++;
            }
          }
        }
        if (other >= 0) {
          pasted = true;
          cutOff |= top == 0 && bottom < 5 || left == 0 && right < 7;
          assertEquals((bottom - top + 1) * (right - left + 1), area, "not a box");
          for (int c = 0; c < 3; c++) {
            double want = (i % 3 == c ? 1 - area / 48.0 : 0) + (other % 3 == c ? area / 48.0 : 0);
            assertEquals(want, t[3 * i + c], 1e-6);
          }
        }
      }
    }
    assertTrue(pasted && cutOff);
  }

  @Test
  void what_does_not_fit_is_refused() {
    assertEquals(
        "mixup: alpha must be above 0: 0.0",
        assertThrows(IllegalArgumentException.class, () -> new Mixup(0, 3)).getMessage());
    assertEquals(
        "cutmix: the number of classes must be positive: 0",
        assertThrows(IllegalArgumentException.class, () -> new CutMix(1, 0)).getMessage());
    assertEquals(
        "cutmix: inputs must be (n, channels, height, width): (2, 3)",
        assertThrows(
                IllegalArgumentException.class,
                () -> new CutMix(1, 3).apply(batch(2, 3), Seed.of(1)))
            .getMessage());
    Batch classes = new Batch(Tensor.of(new int[] {1, 2}), Tensor.of(new int[] {0, 1}));
    assertEquals(
        "mixup: inputs must be f32, bf16 or f16: (2) i32; cast them first",
        assertThrows(
                IllegalArgumentException.class, () -> new Mixup(1, 3).apply(classes, Seed.of(1)))
            .getMessage());
    Batch other = new Batch(Tensor.ones(2, 3), Tensor.ones(2, 4));
    assertEquals(
        "mixup: targets must be classes (n) or probabilities (n, 3): (2, 4) f32",
        assertThrows(IllegalArgumentException.class, () -> new Mixup(1, 3).apply(other, Seed.of(1)))
            .getMessage());
    assertThrows(
        IndexOutOfBoundsException.class, () -> new Mixup(1, 2).apply(batch(3, 1), Seed.of(1)));
  }
}
