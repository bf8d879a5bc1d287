package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

class DropoutVariantsTest {

  private static final Seed SEED = Seed.of(11);

  /** Each group of `size` elements is kept, and scaled, or dropped as one; returns the kept. */
  private static int keptGroups(float[] x, float[] y, int size, float scale) {
    int kept = 0;
    for (int from = 0; from < y.length; from += size) {
      boolean group = y[from] != 0;
      kept += group ? 1 : 0;
      for (int i = from; i < from + size; i++) {
        assertEquals(group ? x[i] * scale : 0, y[i], 1e-6f * Math.abs(x[i]) * scale);
      }
    }
    return kept;
  }

  private static Tensor numbers(long... dims) {
    return Random.uniform(Shape.of(dims), Seed.of(5), 1, 2, Device.cpu());
  }

  @Test
  void dropout1d_drops_whole_channels() {
    Tensor x = numbers(20, 50, 7);
    float[] y = new Dropout1d(0.2, SEED).forward(x).toFloats();
    // 800 of 1000 expected; 13 is one standard deviation.
    assertEquals(800, keptGroups(x.toFloats(), y, 7, 1.25f), 5 * 13);
  }

  @Test
  void dropout2d_drops_whole_channels() {
    Tensor x = numbers(20, 50, 3, 5);
    float[] y = new Dropout2d(0.2, SEED).forward(x).toFloats();
    assertEquals(800, keptGroups(x.toFloats(), y, 15, 1.25f), 5 * 13);
  }

  @Test
  void drop_path_drops_whole_examples() {
    Tensor x = numbers(1000, 2, 3);
    float[] y = new DropPath(0.5, SEED).forward(x).toFloats();
    assertEquals(500, keptGroups(x.toFloats(), y, 6, 2), 5 * 16);
  }

  @Test
  void alpha_dropout_keeps_mean_and_variance() {
    Tensor x = Random.normal(Shape.of(200_000), Seed.of(6), 0, 1, Device.cpu());
    float[] y = new AlphaDropout(0.3, SEED).forward(x).toFloats();
    double sum = 0;
    double squares = 0;
    for (float value : y) {
      sum += value;
      squares += (double) value * value;
    }
    assertEquals(0, sum / y.length, 0.02);
    assertEquals(1, squares / y.length, 0.03);
    // a (α' m + x (1 - m)) + b of the paper, where α' is dropped to.
    double alpha = -1.7580993408473766;
    double a = Math.pow((1 - 0.3) * (1 + 0.3 * alpha * alpha), -0.5);
    float[] from = x.toFloats();
    int dropped = 0;
    for (int i = 0; i < y.length; i++) {
      double kept = a * from[i] - a * alpha * 0.3;
      boolean gone = Math.abs(y[i] - kept) > 1e-5;
      dropped += gone ? 1 : 0;
      assertEquals(gone ? a * alpha * (1 - 0.3) : kept, y[i], 1e-5);
    }
    assertEquals(60_000, dropped, 5 * 205);
  }

  @Test
  void gradients_flow_where_something_was_kept() {
    Tensor x = numbers(4, 10, 3);
    try (Tape tape = Tape.record()) {
      Tensor y = new Dropout1d(0.5, SEED).forward(x);
      float[] dx = tape.gradients(Reductions.sum(y), x).get(x).toFloats();
      float[] values = y.toFloats();
      for (int i = 0; i < dx.length; i++) {
        assertEquals(values[i] == 0 ? 0 : 2, dx[i]);
      }
    }
  }

  @Test
  void all_pass_everything_on_in_evaluation_and_without_probability() {
    Tensor x = numbers(2, 3, 4);
    for (BiFunction<Double, Seed, Module> layer :
        List.<BiFunction<Double, Seed, Module>>of(
            Dropout1d::new, DropPath::new, AlphaDropout::new)) {
      assertSame(x, layer.apply(0.0, SEED).forward(x));
      Module off = layer.apply(0.9, SEED);
      off.eval();
      assertSame(x, off.forward(x));
      off.train();
      float[] first = off.forward(x).toFloats();
      assertArrayEquals(first, layer.apply(0.9, SEED).forward(x).toFloats());
      float[] gone = layer.apply(1.0, SEED).forward(x).toFloats();
      assertArrayEquals(new float[24], gone);
      assertEquals("p=0.9", off.settings());
    }
  }

  @Test
  void each_call_draws_anew_in_every_type() {
    for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
      Tensor x = Tensor.full(1, Shape.of(8, 64, 2), type, Device.cpu());
      Module layer = new Dropout1d(0.5, SEED);
      Tensor first = layer.forward(x);
      assertEquals(type, first.dtype());
      assertNotEquals(
          Arrays.toString(first.toFloats()), Arrays.toString(layer.forward(x).toFloats()));
    }
  }

  @Test
  void what_does_not_fit_is_refused() {
    assertEquals(
        "dropout1d: the input must be (batch, channels, length): (2, 3)",
        assertThrows(
                IllegalArgumentException.class,
                () -> new Dropout1d(0.5, SEED).forward(Tensor.ones(2, 3)))
            .getMessage());
    assertEquals(
        "dropout2d: the input must be (batch, channels, height, width): (2, 3, 4)",
        assertThrows(
                IllegalArgumentException.class,
                () -> new Dropout2d(0.5, SEED).forward(Tensor.ones(2, 3, 4)))
            .getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> new DropPath(0.5, SEED).forward(Tensor.full(1, Shape.of(), DType.F32, Device.cpu())));
    var error =
        assertThrows(IllegalArgumentException.class, () -> new AlphaDropout(Double.NaN, SEED));
    assertTrue(error.getMessage().startsWith("alphaDropout: the probability must lie in [0, 1]"));
  }
}
