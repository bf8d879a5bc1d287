package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.tensor.Tensor;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Losses where numbers are at their ends. */
class LossEdgesTest {

  private static float[] gradient(UnaryOperator<Tensor> loss, Tensor x) {
    try (Tape tape = Tape.record()) {
      return tape.gradients(loss.apply(x), x).get(x).toFloats();
    }
  }

  @Test
  void half_the_sum_of_squares_has_the_difference_as_its_gradient() {
    Tensor y = Tensor.of(new float[] {1, -2, 5}, 3, 1);
    Tensor t = Tensor.of(new float[] {3, -2, 4}, 3, 1);
    assertEquals(2.5f, Losses.mse(y, t, Reduction.HALF_SUM).item());
    assertArrayEquals(
        new float[] {-2, 0, 1}, gradient(x -> Losses.mse(x, t, Reduction.HALF_SUM), y));
    assertEquals(5 / 3f, Losses.mse(y, t, Reduction.BATCH_MEAN).item(), 1e-6f);
  }

  @Test
  void integer_targets_are_taken_as_numbers() {
    Tensor x = Tensor.of(new float[] {2, -0.5f});
    assertEquals(1.5f / 2, Losses.hinge(x, Tensor.of(new int[] {1, 1})).item());
    assertEquals(0.5f / 2, Losses.hinge(x, Tensor.of(new long[] {1, -1})).item());
    assertEquals(3.25f / 2, Losses.mse(x, Tensor.of(new int[] {1, 1})).item());
  }

  @Test
  void far_logits_keep_the_digits_of_small_losses() {
    Tensor x = Tensor.of(new float[] {-60, 60, 100, -100, 1e4f});
    Tensor t = Tensor.of(new float[] {0, 1, 0, 1, 1});
    float[] y = Losses.bceWithLogits(x, t, null, Reduction.NONE).toFloats();
    assertEquals(Math.exp(-60), y[0], 1e-6 * Math.exp(-60));
    assertEquals(Math.exp(-60), y[1], 1e-6 * Math.exp(-60));
    assertEquals(100, y[2]);
    assertEquals(100, y[3]);
    assertEquals(0, y[4]);
    float[] dx = gradient(z -> Losses.bceWithLogits(z, t, null, Reduction.SUM), x);
    assertEquals(Math.exp(-60), dx[0], 1e-6 * Math.exp(-60));
    assertEquals(-Math.exp(-60), dx[1], 1e-6 * Math.exp(-60));
    assertEquals(1, dx[2]);
    assertEquals(-1, dx[3]);
  }

  @Test
  void certain_probabilities_have_finite_losses_and_gradients() {
    Tensor p = Tensor.of(new float[] {0, 1, 0, 1});
    Tensor t = Tensor.of(new float[] {0, 1, 1, 0});
    assertArrayEquals(
        new float[] {0, 0, 100, 100}, Losses.bce(p, t, Reduction.NONE).toFloats(), 1e-9f);
    for (float dp : gradient(x -> Losses.bce(x, t), p)) {
      assertTrue(Float.isFinite(dp), () -> "gradient " + dp);
    }
  }

  @Test
  void scores_taken_for_probabilities_are_noticed() {
    Tensor t = Tensor.of(new float[] {1});
    assertTrue(Double.isNaN(Losses.bce(Tensor.of(new float[] {-0.5f}), t).item()));
    assertTrue(Double.isNaN(Losses.bce(Tensor.of(new float[] {1.5f}), t).item()));
  }

  @Test
  void improbable_targets_add_nothing_to_kl() {
    Tensor x = Tensor.of(new float[] {-1, -0.5f}, 1, 2);
    assertEquals(0.5f, Losses.kl(x, Tensor.of(new float[] {0, 1}, 1, 2)).item(), 1e-7f);
    Tensor logs = Tensor.of(new float[] {Float.NEGATIVE_INFINITY, 0}, 1, 2);
    assertEquals(0.5f, Losses.kl(x, logs, true, Reduction.BATCH_MEAN).item(), 1e-6f);
    float[] dt = gradient(t -> Losses.kl(x, t, true, Reduction.SUM), logs);
    assertEquals(0, dt[0]);
    assertTrue(Float.isFinite(dt[1]));
  }

  @Test
  void the_mean_of_no_losses_is_not_a_number() {
    Tensor none = Tensor.zeros(0, 3);
    assertTrue(Double.isNaN(Losses.mse(none, none).item()));
    assertTrue(Double.isNaN(Losses.mse(none, none, Reduction.BATCH_MEAN).item()));
    assertEquals(0, Losses.mse(none, none, Reduction.SUM).item());
  }

  @Test
  void ignored_rows_may_hold_anything_in_nll() {
    Tensor x = Tensor.of(new float[] {Float.NEGATIVE_INFINITY, 0, -1, -2}, 2, 2);
    Tensor labels = Tensor.of(new int[] {-100, 1});
    assertEquals(2, Losses.nll(x, labels).item());
    assertArrayEquals(new float[] {0, 0, 0, -1}, gradient(z -> Losses.nll(z, labels), x));
  }

  @Test
  void embeddings_without_length_have_no_direction_and_finite_gradients() {
    Tensor a = Tensor.zeros(2, 3);
    Tensor b = Tensor.ones(2, 3);
    Tensor t = Tensor.of(new float[] {1, -1});
    assertArrayEquals(
        new float[] {1, 0}, Losses.cosineEmbedding(a, b, t, 0, Reduction.NONE).toFloats());
    for (float da : gradient(x -> Losses.cosineEmbedding(x, b, t), a)) {
      assertTrue(Float.isFinite(da), () -> "gradient " + da);
    }
    for (float da : gradient(x -> Losses.triplet(x, a, b), Tensor.zeros(2, 3))) {
      assertTrue(Float.isFinite(da), () -> "gradient " + da);
    }
  }
}
