package io.gradus.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.nn.Activation;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AttributionTest {

  private static final int N = 3;
  private static final int IN = 5;

  private Scope scope;
  private Mlp mlp;
  private Tensor x;

  @BeforeEach
  void open() {
    scope = Scope.open();
    MlpConfig config = new MlpConfig(List.of(IN, 16, 4), Activation.TANH, 0);
    mlp = new Mlp(config, Device.cpu(), Seed.of(1));
    x = Random.normal(Shape.of(N, IN), Seed.of(2), 0, 1, Device.cpu());
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static float score(Module model, Tensor x, int example, int label) {
    Tensor scores = model.forward(x);
    return scores.toFloats()[(int) (example * scores.dim(1)) + label];
  }

  @Test
  void the_gradient_is_that_of_finite_differences() {
    int[] classes = {2, 0, 3};
    float[] dx = Attribution.gradient(mlp, x, classes).toFloats();
    float[] saliency = Attribution.saliency(mlp, x, classes).toFloats();
    float[] values = x.toFloats();
    float h = 1e-2f;
    for (int i = 0; i < values.length; i++) {
      float[] up = values.clone();
      float[] down = values.clone();
      up[i] += h;
      down[i] -= h;
      int n = i / IN;
      double slope =
          (score(mlp, Tensor.of(up, N, IN), n, classes[n])
                  - score(mlp, Tensor.of(down, N, IN), n, classes[n]))
              / (2.0 * h);
      assertEquals(slope, dx[i], 2e-4, "element " + i);
      assertEquals(Math.abs(dx[i]), saliency[i]);
    }
  }

  /** Axiom "completeness" of the paper. */
  @Test
  void integrated_gradients_sum_to_the_difference_of_the_scores() {
    int[] classes = {1, 1, 2};
    Tensor baseline = Random.normal(x.shape(), Seed.of(3), 0, 1, Device.cpu());
    float[] few = Attribution.integratedGradients(mlp, x, baseline, 1, classes).toFloats();
    float[] many = Attribution.integratedGradients(mlp, x, baseline, 128, classes).toFloats();
    double coarse = 0;
    for (int n = 0; n < N; n++) {
      double expected = score(mlp, x, n, classes[n]) - score(mlp, baseline, n, classes[n]);
      assertEquals(expected, sum(many, n), 2e-4, "example " + n);
      coarse = Math.max(coarse, Math.abs(expected - sum(few, n)));
    }
    assertTrue(coarse > 1e-3, "one step is as good as many: nothing was integrated");
  }

  private static double sum(float[] values, int example) {
    double sum = 0;
    for (int i = 0; i < IN; i++) {
      sum += values[example * IN + i];
    }
    return sum;
  }

  /** For w · x² it is w · (x² - x'²), since the middle of each part is exact for a parabola. */
  @Test
  void integrated_gradients_of_a_parabola_are_exact() {
    Tensor w = Tensor.of(new float[] {1, -2}, 1, 2);
    Module parabola =
        new Module() {
          @Override
          public Tensor forward(Tensor in) {
            return LinearAlgebra.linear(Pointwise.mul(in, in), w);
          }
        };
    Tensor at = Tensor.of(new float[] {3, 0.5f}, 1, 2);
    Tensor from = Tensor.of(new float[] {1, -1}, 1, 2);
    assertArrayEquals(
        new float[] {8, 1.5f},
        Attribution.integratedGradients(parabola, at, from, 4, 0).toFloats(),
        1e-5f);
  }

  @Test
  void what_has_no_influence_gets_nothing() {
    Linear linear = new Linear(IN, 2, Device.cpu(), Seed.of(4));
    float[] w = linear.weight().toFloats();
    w[1] = 0; // of the second input for the first class
    linear.weight().copyFrom(Tensor.of(w, 2, IN));
    Tensor zeros = Tensor.zerosLike(x);
    float[] parts = Attribution.integratedGradients(linear, x, zeros, 3, 0).toFloats();
    float[] gradient = Attribution.gradient(linear, x, 0).toFloats();
    for (int n = 0; n < N; n++) {
      assertEquals(0, Math.abs(parts[n * IN + 1]));
      assertEquals(0, Math.abs(gradient[n * IN + 1]));
      assertEquals(w[0], gradient[n * IN]);
    }
  }

  @Test
  void smooth_gradients_without_noise_are_gradients_and_with_it_follow_the_seed() {
    float[] gradient = Attribution.gradient(mlp, x, 1).toFloats();
    assertArrayEquals(
        gradient, Attribution.smoothGrad(mlp, x, 0, 4, Seed.of(5), 1).toFloats(), 1e-6f);
    float[] smooth = Attribution.smoothGrad(mlp, x, 0.5, 4, Seed.of(5), 1).toFloats();
    float[] again = Attribution.smoothGrad(mlp, x, 0.5, 4, Seed.of(5), 1).toFloats();
    float[] other = Attribution.smoothGrad(mlp, x, 0.5, 4, Seed.of(6), 1).toFloats();
    assertArrayEquals(smooth, again);
    assertTrue(Math.abs(smooth[0] - gradient[0]) > 1e-4);
    assertTrue(Math.abs(smooth[0] - other[0]) > 1e-5);
  }

  @Test
  void an_input_of_half_precision_gives_maps_of_it() {
    mlp.parameters().freeze(name -> true);
    Tensor half = Pointwise.cast(x, DType.BF16);
    Tensor map = Attribution.saliency(mlp, half, 0);
    assertEquals(DType.BF16, map.dtype());
    assertEquals(x.shape(), map.shape());
  }

  @Test
  void maps_outlive_nothing_but_the_scope_around_them() {
    long used;
    Tensor map;
    try (Scope inner = Scope.open()) {
      Attribution.integratedGradients(mlp, x, Tensor.zerosLike(x), 2, 0);
      used = Device.cpu().usedBytes();
      for (int i = 0; i < 3; i++) {
        Attribution.smoothGrad(mlp, x, 0.1, 5, Seed.of(i), 0).close();
        Attribution.saliency(mlp, x, 0).close();
      }
      assertEquals(used, Device.cpu().usedBytes());
      map = inner.keep(Attribution.gradient(mlp, x, 0));
    }
    assertEquals(x.shape(), map.shape());
    assertTrue(Float.isFinite(map.toFloats()[0]));
  }

  @Test
  void what_cannot_be_asked_is_refused() {
    refuses("gradient: there must be one class, or one for each example", 1, 2);
    refuses("gradient: classes must lie in [0, 4): 4", 4);
    refuses("gradient: classes must lie in [0, 4): -1", -1);
    refuses("gradient: there must be one class", new int[0]);
    Tensor ids = Tensor.of(new int[] {1}, 1);
    assertThrows(IllegalArgumentException.class, () -> Attribution.saliency(mlp, ids, 0));
    Tensor other = Tensor.zeros(N, IN + 1);
    assertThrows(
        IllegalArgumentException.class, () -> Attribution.integratedGradients(mlp, x, other, 3, 0));
    assertThrows(
        IllegalArgumentException.class,
        () -> Attribution.integratedGradients(mlp, x, Tensor.zerosLike(x), 0, 0));
    assertThrows(
        IllegalArgumentException.class,
        () -> Attribution.smoothGrad(mlp, x, Double.NaN, 1, Seed.of(1), 0));
  }

  private void refuses(String message, int... classes) {
    var e =
        assertThrows(IllegalArgumentException.class, () -> Attribution.gradient(mlp, x, classes));
    assertTrue(e.getMessage().startsWith(message), e::getMessage);
  }
}
