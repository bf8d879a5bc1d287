package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.nn.Parameters;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Tensor;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class NewtonTest {

  private static Tensor parameter(float... values) {
    return Tensor.of(values).requiresGrad(true);
  }

  /** {@code p' A p / 2 - b' p} of a positive definite A. */
  private static Tensor quadratic(Tensor p) {
    Tensor a = Tensor.of(new float[] {4, 1, 0, 1, 3, -1, 0, -1, 5}, 3, 3);
    Tensor b = Tensor.of(new float[] {1, 2, 3});
    Tensor row = p.shape().rank() == 1 ? io.gradus.op.Shapes.reshape(p, 1, 3) : p;
    Tensor product = Pointwise.mul(LinearAlgebra.matmul(row, a), row);
    return Pointwise.sub(
        Pointwise.mul(Reductions.sum(product), 0.5), Reductions.sum(Pointwise.mul(p, b)));
  }

  @Test
  void one_step_finds_the_minimum_of_a_quadratic() {
    Tensor p = parameter(10, -7, 3);
    Newton newton = Newton.builder().tolerance(1e-7).build(Parameters.of(Map.of("p", p)));
    double before = newton.step(() -> quadratic(p));
    // A p = b, by Cramer's rule: det A = 51.
    assertArrayEquals(new float[] {1 / 51f, 47 / 51f, 40 / 51f}, p.toFloats(), 1e-4f);
    assertEquals(200 - 70 + 73.5 + 21 + 22.5 - (10 - 14 + 9), before, 1e-3);
    assertEquals(1, newton.steps());
  }

  @Test
  void damping_shortens_the_step_as_in_a_regularized_system() {
    Tensor p = parameter(2);
    Newton newton = Newton.builder().damping(3).build(Parameters.of(Map.of("p", p)));
    newton.step(() -> Reductions.sum(Pointwise.mul(p, p)));
    assertEquals(2 - 4 / (2.0 + 3), p.item(), 1e-6);
  }

  private static Supplier<Tensor> rosenbrock(Tensor x, Tensor y) {
    return () -> {
      Tensor valley = Pointwise.sub(y, Pointwise.mul(x, x));
      Tensor far = Pointwise.sub(x, 1);
      return Reductions.sum(
          Pointwise.add(
              Pointwise.mul(Pointwise.mul(valley, valley), 100), Pointwise.mul(far, far)));
    };
  }

  /** From where its Hessian is indefinite on the way. */
  @Test
  void it_follows_the_valley_of_rosenbrock() {
    Tensor x = parameter(-1.2f);
    Tensor y = parameter(1);
    Newton newton =
        Newton.builder()
            .tolerance(1e-3)
            .build(Parameters.of(new TreeMap<>(Map.of("x", x, "y", y))));
    double last = Double.POSITIVE_INFINITY;
    for (int i = 0; i < 30; i++) {
      double loss = newton.step(rosenbrock(x, y));
      assertTrue(loss <= last, "step " + i + ": " + loss + " after " + last);
      last = loss;
    }
    assertEquals(1, x.item(), 1e-3);
    assertEquals(1, y.item(), 1e-3);
  }

  @Test
  void it_leaves_a_saddle_and_climbs_where_it_is_to_maximize() {
    Tensor p = parameter(0.1f);
    Newton newton = Newton.builder().maximize().build(Parameters.of(Map.of("p", p)));
    // sin rises up to π / 2; at 0.1 it is convex for one who climbs.
    for (int i = 0; i < 8; i++) {
      newton.step(() -> Reductions.sum(Pointwise.sin(p)));
    }
    assertEquals(Math.PI / 2, p.item(), 1e-3);
  }

  @Test
  void a_loss_that_is_not_finite_changes_nothing() {
    Tensor p = parameter(-1);
    Newton newton = Newton.builder().build(Parameters.of(Map.of("p", p)));
    assertTrue(Double.isNaN(newton.step(() -> Reductions.sum(Pointwise.log(p)))));
    assertEquals(-1, p.item());
  }

  @Test
  void steps_are_counted_and_restored() {
    Tensor p = parameter(1);
    Newton newton = Newton.builder().build(Parameters.of(Map.of("p", p)));
    newton.restore(7, Map.of("p", 7L));
    assertEquals(7, newton.steps());
    assertEquals(Map.of(), newton.state());
  }
}
