package io.gradus.autograd;

import static io.gradus.autograd.Wrt.wrt;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.op.Activations;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Tensor;
import org.junit.jupiter.api.Test;

class GradCheckTest {

  private static final float[] SOME = {-1.5f, -0.3f, 0.2f, 0.7f, 1.1f, 2};

  @Test
  void right_gradients_pass() {
    Tensor x = Tensor.of(SOME, 2, 3);
    Tensor w = Tensor.of(new float[] {0.1f, -0.4f, 0.9f, 0.5f, -1.2f, 0.3f}, 2, 3);
    GradCheck.check(in -> Activations.gelu(in[0]), x);
    GradCheck.check(in -> Activations.silu(LinearAlgebra.linear(in[0], in[1])), x, w);
    Tensor labels = Tensor.of(new int[] {2, 0});
    GradCheck.check(in -> Losses.crossEntropy(in[0], labels), x);
  }

  @Test
  void the_inputs_are_the_same_afterwards() {
    Tensor x = Tensor.of(SOME);
    GradCheck.check(in -> Activations.tanh(in[0]), x);
    assertArrayEquals(SOME, x.toFloats());
  }

  /** Its gradient is right for all elements but the third. */
  private static Tensor wrong(Tensor x) {
    Tensor y = Pointwise.mul(x, 2);
    Tensor slope = Tensor.of(new float[] {2, 2, 2.1f, 2, 2, 2});
    return Tape.record("wrong", Tape.stopGradient(y), wrt(x, dy -> Pointwise.mul(dy, slope)));
  }

  @Test
  void a_wrong_gradient_is_named_with_its_place() {
    Tensor x = Tensor.of(SOME);
    Tensor other = Tensor.of(SOME);
    var e =
        assertThrows(
            AssertionError.class,
            () -> GradCheck.check(in -> Pointwise.add(in[0], wrong(in[1])), other, x));
    assertTrue(
        e.getMessage().startsWith("gradCheck: element 2 of input 1 (6) f32: the gradient is "),
        e.getMessage());
    GradCheck.Worst worst = GradCheck.worst(in -> wrong(in[0]), x);
    assertEquals(2, worst.element());
    assertEquals(1.05, worst.gradient() / worst.difference(), 1e-3);
  }

  @Test
  void a_gradient_that_is_no_number_is_wrong() {
    Tensor x = Tensor.of(SOME);
    assertThrows(
        AssertionError.class,
        () ->
            GradCheck.check(
                in ->
                    Tape.record(
                        "nan",
                        Pointwise.mul(in[0], 1),
                        wrt(in[0], dy -> Pointwise.mul(dy, Double.NaN))),
                x));
  }

  @Test
  void a_forgotten_gradient_is_wrong() {
    Tensor x = Tensor.of(SOME);
    assertThrows(
        AssertionError.class,
        () ->
            GradCheck.check(
                in -> Pointwise.add(in[0], Tape.stopGradient(Reductions.sum(in[0]))), x));
  }

  @Test
  void inputs_of_other_types_are_refused() {
    Tensor labels = Tensor.of(new int[] {1});
    var e =
        assertThrows(IllegalArgumentException.class, () -> GradCheck.check(in -> in[0], labels));
    assertEquals("gradCheck: inputs must be f32: (1) i32", e.getMessage());
  }
}
