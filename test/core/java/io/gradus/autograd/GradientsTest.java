package io.gradus.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.op.Activations;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GradientsTest {

  private Scope scope;
  private Tensor a;
  private Tensor b;

  @BeforeEach
  void makeParameters() {
    scope = Scope.open();
    a = Tensor.of(new float[] {1, 2}).requiresGrad(true);
    b = Tensor.of(new float[] {3}).requiresGrad(true);
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  /** Those of {@code factor (Σ a² / 2 + b)}: a and 1, times the factor. */
  private Gradients gradients(double factor) {
    try (Tape tape = Tape.record()) {
      Tensor half = Pointwise.mul(Reductions.sum(Pointwise.mul(a, a)), 0.5 * factor);
      Tensor loss = Pointwise.add(half, Pointwise.mul(Reductions.sum(b), factor));
      return tape.keep(tape.gradients(loss));
    }
  }

  @Test
  void nothing_is_computed_for_inputs_that_need_no_gradient() {
    Tensor x = Tensor.ones(4, 3);
    Tensor w1 = Tensor.ones(5, 3).requiresGrad(true);
    Tensor w2 = Tensor.ones(2, 5).requiresGrad(true);
    assertEquals(3, products(x, w1, w2), "of both weights and of what lies between them");
    assertEquals(4, products(x.requiresGrad(true), w1, w2));
    x.requiresGrad(false);
    w1.requiresGrad(false);
    assertEquals(1, products(x, w1, w2), "of the layer that is trained");
    w1.requiresGrad(true);
    w2.requiresGrad(false);
    assertEquals(2, products(x, w1, w2), "through the layer behind and of the one trained");
  }

  /** The matrix products that the gradients of two linear layers take. */
  private static long products(Tensor x, Tensor w1, Tensor w2) {
    try (Tape outer = Tape.record();
        Tape tape = Tape.record()) {
      Tensor y = LinearAlgebra.linear(LinearAlgebra.linear(x, w1), w2);
      Tensor loss = Reductions.sum(y);
      int before = outer.size();
      tape.gradients(loss);
      return outer.toString().lines().skip(1 + before).filter(l -> l.contains(" matmul")).count();
    }
  }

  private void moveTogether() {
    Tensor flat = Tensor.zeros(5); // with gaps before, between and behind
    a.moveInto(flat, 1);
    b.moveInto(flat, 4);
  }

  @Test
  void gradients_add_up() {
    Gradients sum = gradients(1).plus(gradients(2)).plus(gradients(4).scale(0.5));
    assertArrayEquals(new float[] {5, 10}, sum.get(a).toFloats());
    assertArrayEquals(new float[] {5}, sum.get(b).toFloats());
  }

  @Test
  void gradients_accumulate_in_the_memory_of_the_first_ones() {
    for (int layout = 0; layout < 2; layout++) {
      Gradients first = accumulated(null, 1);
      Gradients sum = accumulated(accumulated(first, 2).scale(0.5), 4);
      assertArrayEquals(new float[] {5.5f, 11}, sum.get(a).toFloats());
      assertArrayEquals(new float[] {5.5f}, sum.get(b).toFloats());
      var e = assertThrows(IllegalStateException.class, () -> accumulated(first, 1));
      assertEquals(
          "accumulate: these gradients were applied before: compute new ones from another tape",
          e.getMessage());
      moveTogether();
    }
  }

  @Test
  void slices_of_a_parameter_add_up_where_its_gradient_lies() {
    Tensor w = Tensor.of(new float[] {1, 2, 3, 4}, 4).requiresGrad(true);
    for (int layout = 0; layout < 2; layout++) {
      Gradients sum = null;
      for (int i = 0; i < 2; i++) {
        try (Tape tape = Tape.record()) {
          Tensor front = Reductions.sum(Pointwise.mul(Shapes.slice(w, 0, 2), 2));
          Tensor back = Reductions.sum(Pointwise.mul(Shapes.slice(w, 1, 3), 3));
          sum = tape.keep(tape.accumulate(sum, Pointwise.add(front, back)));
        }
      }
      assertArrayEquals(new float[] {4, 10, 6, 0}, sum.get(w).toFloats());
      w.moveInto(Tensor.zeros(6), 1);
    }
  }

  @Test
  void accumulating_in_a_flat_buffer_takes_no_more_memory() {
    moveTogether();
    Gradients sum = accumulated(null, 1);
    Tensor flat = sum.flat(a);
    for (int i = 0; i < 3; i++) {
      sum = accumulated(sum, 1);
      assertTrue(sum.flat(a).sharesMemoryWith(flat));
    }
    assertArrayEquals(new float[] {0, 4, 8, 0, 4}, sum.flat(a).toFloats());
    sum.close();
    assertTrue(flat.isClosed());
  }

  /** As {@link #gradients}, added to earlier ones. */
  private Gradients accumulated(Gradients sum, double factor) {
    try (Tape tape = Tape.record()) {
      Tensor half = Pointwise.mul(Reductions.sum(Pointwise.mul(a, a)), 0.5 * factor);
      Tensor loss = Pointwise.add(half, Pointwise.mul(Reductions.sum(b), factor));
      return tape.keep(tape.accumulate(sum, loss));
    }
  }

  @Test
  void the_norm_is_taken_over_all_gradients_together() {
    assertEquals(Math.sqrt(6), gradients(1).norm(), 1e-6);
    assertEquals(3 * Math.sqrt(6), gradients(1).scale(-3).norm(), 1e-5);
    moveTogether();
    assertEquals(Math.sqrt(6), gradients(1).norm(), 1e-6);
  }

  @Test
  void clipping_scales_down_and_never_up() {
    Gradients gradients = gradients(1);
    assertArrayEquals(
        gradients.get(a).toFloats(), gradients.clipNorm(3).get(a).toFloats(), "nothing to clip");
    Gradients clipped = gradients.clipNorm(1);
    assertEquals(1, clipped.norm(), 1e-5);
    assertEquals(2 / Math.sqrt(6), clipped.get(a).toFloats()[1], 1e-5);
    assertEquals(2, gradients.get(a).toFloats()[1], "the original is as it was");
    assertEquals(4 / Math.sqrt(6), clipped.scale(2).get(a).toFloats()[1], 1e-5);
    assertEquals(2, clipped.scale(-2).norm(), 1e-5);
    assertEquals(2 / Math.sqrt(6) + 2, clipped.plus(gradients).get(a).toFloats()[1], 1e-5);
    assertThrows(IllegalStateException.class, () -> clipped.clipNorm(0.5));
  }

  @Test
  void clipping_by_value_bounds_each_element() {
    Gradients gradients = gradients(1).scale(-3);
    Gradients clipped = gradients.clipValue(4);
    assertArrayEquals(new float[] {-3, -4}, clipped.get(a).toFloats());
    assertArrayEquals(new float[] {-3}, clipped.get(b).toFloats());
    assertArrayEquals(new float[] {-3, -6}, gradients.get(a).toFloats(), "as it was");
    assertEquals(1, clipped.clipNorm(1).norm(), 1e-5);
    var e = assertThrows(IllegalStateException.class, () -> gradients.clipNorm(1).clipValue(1));
    assertEquals(
        "clipValue: these gradients are clipped by norm already; clip by value first",
        e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> gradients.clipValue(0));
  }

  @Test
  void clipped_by_value_they_lie_flat_and_count_as_the_same() {
    moveTogether();
    Gradients gradients = gradients(1);
    Gradients clipped = gradients.clipValue(1.5);
    assertEquals(gradients.flat(a).size(), clipped.flat(a).size());
    assertTrue(clipped.get(a).sharesMemoryWith(clipped.flat(a)));
    assertArrayEquals(new float[] {1, 1.5f}, clipped.get(a).toFloats());
    clipped.apply();
    assertThrows(IllegalStateException.class, gradients::apply);
  }

  @Test
  void gradients_that_are_no_numbers_change_nothing_where_that_is_asked_for() {
    Gradients.Clipped fine = gradients(1).clipFinite(1);
    assertEquals(Math.sqrt(6), fine.norm().item(), 1e-6);
    assertEquals(1, fine.gradients().norm(), 1e-5);
    Gradients.Clipped broken = gradients(Float.POSITIVE_INFINITY).clipFinite(1);
    assertTrue(!Double.isFinite(broken.norm().item()));
    assertTrue(Double.isNaN(broken.gradients().factor().item()));
  }

  @Test
  void clipping_needs_a_positive_norm() {
    for (double max : new double[] {0, -1, Double.NaN}) {
      var e = assertThrows(IllegalArgumentException.class, () -> gradients(1).clipNorm(max));
      assertEquals("clipNorm: the norm must be positive: " + max, e.getMessage());
    }
  }

  @Test
  void a_norm_that_is_no_number_stays_visible() {
    Gradients gradients = gradients(Double.NaN);
    assertTrue(Double.isNaN(gradients.norm()));
    assertTrue(Double.isNaN(gradients.clipNorm(1).get(a).toFloats()[0]));
  }

  @Test
  void gradients_of_different_tensors_do_not_add() {
    Gradients one = gradients(1);
    Gradients other;
    try (Tape tape = Tape.record()) {
      other = tape.keep(tape.gradients(Reductions.sum(a), a));
    }
    var e = assertThrows(IllegalArgumentException.class, () -> one.plus(other));
    assertEquals("plus: the gradients are of different tensors: 2 and 1", e.getMessage());
  }

  @Test
  void gradients_apply_once() {
    Gradients gradients = gradients(1);
    gradients.apply();
    var e = assertThrows(IllegalStateException.class, gradients::apply);
    assertEquals(
        "step: these gradients were applied before: compute new ones from another tape",
        e.getMessage());
  }

  @Test
  void gradients_apply_once_also_when_scaled_or_clipped() {
    Gradients gradients = gradients(1);
    Gradients clipped = gradients.clipNorm(1);
    gradients.scale(2).apply();
    assertThrows(IllegalStateException.class, gradients::apply);
    assertThrows(IllegalStateException.class, clipped::apply);
  }

  @Test
  void a_sum_is_new_and_applies_even_after_its_parts() {
    Gradients part = gradients(1);
    Gradients sum = part.plus(gradients(1));
    part.apply();
    sum.apply();
    assertArrayEquals(new float[] {2, 4}, sum.get(a).toFloats());
  }

  @Test
  void gradients_of_parameters_in_a_flat_buffer_lie_in_one_too() {
    moveTogether();
    Gradients gradients = gradients(1);
    Tensor flat = gradients.flat(a);
    assertSame(flat, gradients.flat(b));
    assertArrayEquals(new float[] {0, 1, 2, 0, 1}, flat.toFloats());
    assertArrayEquals(new float[] {1, 2}, gradients.get(a).toFloats());
    assertTrue(gradients.get(a).sharesMemoryWith(flat));
    assertEquals(0.5, gradients.scale(0.5).scale());
  }

  @Test
  void without_a_flat_buffer_gradients_lie_apart() {
    assertNull(gradients(1).flat(a));
  }

  @Test
  void sums_of_flat_gradients_are_flat() {
    moveTogether();
    Gradients sum = gradients(1).scale(0.5).plus(gradients(2));
    assertArrayEquals(new float[] {0, 2.5f, 5, 0, 2.5f}, sum.flat(a).toFloats());
    assertArrayEquals(new float[] {2.5f, 5}, sum.get(a).toFloats());
    assertEquals(1, sum.scale());
    assertNull(sum.factor());
  }

  @Test
  void a_parameter_that_the_loss_does_not_reach_gets_zeros_in_the_flat_buffer() {
    moveTogether();
    try (Tape tape = Tape.record()) {
      Gradients gradients = tape.gradients(Reductions.sum(a), a, b);
      assertArrayEquals(new float[] {0, 1, 1, 0, 0}, gradients.flat(a).toFloats());
    }
  }

  @Test
  void a_tensor_named_twice_counts_once() {
    moveTogether();
    try (Tape tape = Tape.record()) {
      Gradients gradients = tape.gradients(Reductions.sum(Pointwise.mul(a, a)), a, b, a);
      assertEquals(List.of(a, b), gradients.targets());
      assertArrayEquals(new float[] {2, 4}, gradients.get(a).toFloats());
    }
    Tensor c = Tensor.of(new float[] {3, 4});
    try (Tape tape = Tape.record()) {
      assertEquals(Math.sqrt(2), tape.gradients(Reductions.sum(c), c, c).norm(), 1e-6);
    }
  }

  @Test
  void two_uses_add_up_in_the_flat_buffer() {
    Tensor w = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2).requiresGrad(true);
    Tensor bias = Tensor.of(new float[] {5, 6}).requiresGrad(true);
    Tensor x = Tensor.of(new float[] {1, -1, 2, 1}, 2, 2);
    Gradients apart = twice(x, w, bias);
    float[] dw = apart.get(w).toFloats();
    float[] dbias = apart.get(bias).toFloats();
    assertNull(apart.flat(w));
    Tensor flat = Tensor.zeros(6);
    w.moveInto(flat, 0);
    bias.moveInto(flat, 4);
    Gradients together = twice(x, w, bias);
    assertArrayEquals(dw, together.get(w).toFloats());
    assertArrayEquals(dbias, together.get(bias).toFloats());
    assertTrue(together.get(w).sharesMemoryWith(together.get(bias)));
  }

  /** Uses that write in place and one that does not, in turns. */
  private static Gradients twice(Tensor x, Tensor w, Tensor bias) {
    try (Tape tape = Tape.record()) {
      Tensor y = Activations.tanh(LinearAlgebra.linear(x, w, bias));
      y = LinearAlgebra.linear(Pointwise.add(y, Pointwise.mul(w, 0.5)), w, bias);
      y = Pointwise.mul(Pointwise.add(y, bias), w);
      return tape.keep(tape.gradients(Reductions.sum(y)));
    }
  }

  @Test
  void text_lists_what_the_gradients_belong_to() {
    assertEquals("gradients of 2 tensors: (2) f32, (1) f32", gradients(1).toString());
    assertEquals(List.of(a, b), gradients(1).targets());
    assertFalse(gradients(1).contains(Tensor.scalar(0)));
  }
}
