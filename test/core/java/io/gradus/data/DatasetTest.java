package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.tensor.DType;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DatasetTest {

  /** Row i is (i, -i), its label i. */
  static TensorDataset counted(int n) {
    float[] inputs = new float[2 * n];
    long[] labels = new long[n];
    for (int i = 0; i < n; i++) {
      inputs[2 * i] = i;
      inputs[2 * i + 1] = -i;
      labels[i] = i;
    }
    return new TensorDataset(Tensor.of(inputs, n, 2), Tensor.of(labels));
  }

  @Test
  void images_become_rows_from_0_to_1() {
    Tensor images = Tensor.of(new byte[] {0, 51, 102, -1, -128, 1, 2, 3}, 2, 2, 2);
    TensorDataset data = TensorDataset.ofImages(images, Tensor.of(new byte[] {7, -1}));
    assertEquals(Shape.of(2, 4), data.inputs().shape());
    assertArrayEquals(
        new float[] {0, 0.2f, 0.4f, 1, 128 / 255f, 1 / 255f, 2 / 255f, 3 / 255f},
        data.inputs().toFloats(),
        1e-7f);
    assertEquals(DType.I64, data.labels().dtype());
    assertArrayEquals(new long[] {7, 255}, data.labels().toLongs());
  }

  @Test
  void images_belong_to_the_scope_around() {
    TensorDataset data;
    try (Scope scope = Scope.open()) {
      data = TensorDataset.ofImages(Tensor.of(new byte[4], 1, 2, 2), Tensor.of(new int[] {1}));
      assertFalse(data.inputs().isClosed() || data.labels().isClosed());
      scope.keep(data.labels());
    }
    assertEquals(true, data.inputs().isClosed());
    assertFalse(data.labels().isClosed());
    Tensor labels = Tensor.of(new long[] {1});
    assertSame(labels, TensorDataset.ofImages(Tensor.of(new byte[4], 1, 4), labels).labels());
  }

  @Test
  void a_split_shares_memory_and_misses_nothing() {
    TensorDataset data = counted(5);
    TensorDataset.Split split = data.split(3);
    assertArrayEquals(new long[] {0, 1, 2}, split.train().labels().toLongs());
    assertArrayEquals(new long[] {3, 4}, split.test().labels().toLongs());
    assertArrayEquals(new float[] {3, -3, 4, -4}, split.test().inputs().toFloats());
    assertEquals(0, data.split(5).test().size());
    assertEquals(0, data.split(0).train().size());
    data.labels().copyFrom(Tensor.of(new long[] {9, 8, 7, 6, 5}));
    assertArrayEquals(new long[] {6, 5}, split.test().labels().toLongs());
    var error = assertThrows(IllegalArgumentException.class, () -> data.split(6));
    assertEquals(
        "split: needs a number from 0 to 5, the number of examples: 6", error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> data.split(-1));
  }

  @Test
  void a_shuffle_keeps_rows_and_labels_together() {
    TensorDataset shuffled = counted(50).shuffle(Seed.of(1));
    long[] labels = shuffled.labels().toLongs();
    float[] inputs = shuffled.inputs().toFloats();
    Set<Long> seen = new HashSet<>();
    for (int i = 0; i < 50; i++) {
      assertEquals(labels[i], inputs[2 * i]);
      assertEquals(-labels[i], inputs[2 * i + 1]);
      seen.add(labels[i]);
    }
    assertEquals(50, seen.size());
    assertArrayEquals(labels, counted(50).shuffle(Seed.of(1)).labels().toLongs());
    assertFalse(Arrays.equals(labels, counted(50).shuffle(Seed.of(2)).labels().toLongs()));
    assertEquals(0, counted(0).shuffle(Seed.of(1)).size());
  }

  /**
   * Saved runs resume in the order they began with, so that it must not change between versions.
   */
  @Test
  void the_order_of_a_seed_is_fixed() {
    assertArrayEquals(new long[] {6, 1, 3, 7, 5, 0, 2, 4}, Permutation.of(8, Seed.of(42)));
  }

  @Test
  void every_order_is_as_likely() {
    int[] counts = new int[6];
    for (int seed = 0; seed < 6_000; seed++) {
      long[] order = Permutation.of(3, Seed.of(seed));
      counts[(int) (2 * order[0] + (order[1] > order[2] ? 1 : 0))]++;
    }
    // 1,000 expected of each; 29 is one standard deviation.
    IntStream.of(counts).forEach(count -> assertEquals(1_000, count, 5 * 29));
  }

  @Test
  void inputs_and_labels_must_pair_up() {
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () -> new TensorDataset(Tensor.ones(3, 2), Tensor.of(new long[] {1, 2})));
    assertEquals(
        "dataset: there must be one label for each input: (3, 2) and (2)", error.getMessage());
    error =
        assertThrows(
            IllegalArgumentException.class,
            () -> TensorDataset.ofImages(Tensor.ones(1, 2), Tensor.of(new long[] {1})));
    assertEquals(
        "dataset: images must be u8 (n, ...), labels integers: (1, 2) f32 and (1) i64",
        error.getMessage());
  }
}
