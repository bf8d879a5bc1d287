package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.nn.Dropout;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.nn.Sequential;
import io.gradus.nn.Tanh;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.function.BinaryOperator;
import org.junit.jupiter.api.Test;

class AdversarialTest {

  private static final Adversarial WITHIN = new Adversarial(0.1, 0, 1);
  private static final BinaryOperator<Tensor> LOSS = Losses::crossEntropy;

  private final Dropout dropout = new Dropout(0.5, Seed.of(3));
  private final Module model =
      new Sequential(
          new Linear(6, 16, Device.cpu(), Seed.of(1)),
          new Tanh(),
          dropout,
          new Linear(16, 3, Device.cpu(), Seed.of(2)));
  private final Tensor x = Random.uniform(Shape.of(8, 6), Seed.of(4), 0, 1, Device.cpu());
  private final Tensor labels = Tensor.of(new int[] {0, 1, 2, 0, 1, 2, 0, 1});

  private double loss(Tensor inputs) {
    model.eval();
    double loss = LOSS.apply(model.forward(inputs), labels).item();
    model.train();
    return loss;
  }

  @Test
  void the_sign_of_the_gradient_moves_each_element_by_epsilon() {
    // Of loss = Σ w x the gradient is w, so that x moves by epsilon · sign(w).
    Tensor w = Tensor.of(new float[] {2, -0.5f, 0, -3}, 1, 4);
    Tensor from = Tensor.of(new float[] {0.5f, 0.5f, 0.5f, 0.05f}, 1, 4);
    Tensor moved = WITHIN.fgsm(new Tanh(), (y, t) -> Reductions.sum(Pointwise.mul(y, t)), from, w);
    assertArrayEquals(new float[] {0.6f, 0.4f, 0.5f, 0}, moved.toFloats(), 1e-6f);
  }

  @Test
  void attacks_raise_the_loss_within_ball_and_bounds() {
    double before = loss(x);
    Tensor fast = WITHIN.fgsm(model, LOSS, x, labels);
    Tensor projected = WITHIN.pgd(model, LOSS, x, labels, 20, 0.02, Seed.of(5));
    assertTrue(loss(fast) > before + 0.01, "fgsm: " + loss(fast) + " from " + before);
    assertTrue(loss(projected) > before + 0.01, "pgd: " + loss(projected) + " from " + before);
    assertTrue(loss(projected) > loss(fast) - 1e-3, "pgd is weaker than fgsm");
    float[] exact = x.toFloats();
    for (Tensor moved : new Tensor[] {fast, projected}) {
      float[] values = moved.toFloats();
      for (int i = 0; i < values.length; i++) {
        assertEquals(exact[i], values[i], 0.1 + 1e-6);
        assertTrue(values[i] >= 0 && values[i] <= 1, "out of bounds: " + values[i]);
      }
    }
  }

  @Test
  void one_step_of_epsilon_from_the_inputs_is_the_fast_one() {
    assertArrayEquals(
        WITHIN.fgsm(model, LOSS, x, labels).toFloats(),
        WITHIN.pgd(model, LOSS, x, labels, 1, 0.1, null).toFloats());
  }

  @Test
  void the_seed_says_where_the_search_starts() {
    float[] one = WITHIN.pgd(model, LOSS, x, labels, 1, 0.01, Seed.of(1)).toFloats();
    assertArrayEquals(one, WITHIN.pgd(model, LOSS, x, labels, 1, 0.01, Seed.of(1)).toFloats());
    assertFalse(
        Arrays.equals(one, WITHIN.pgd(model, LOSS, x, labels, 1, 0.01, Seed.of(2)).toFloats()));
  }

  @Test
  void model_inputs_and_draws_are_left_as_they_were() {
    float[] inputs = x.toFloats();
    float[] weights = model.state().get("0.weight").toFloats();
    WITHIN.pgd(model, LOSS, x, labels, 3, 0.05, Seed.of(1));
    assertTrue(model.isTraining() && dropout.isTraining());
    assertArrayEquals(inputs, x.toFloats());
    assertFalse(x.requiresGrad());
    assertArrayEquals(weights, model.state().get("0.weight").toFloats());
    model.draws().values().forEach(draws -> assertEquals(0, draws.position()));
    model.eval();
    WITHIN.fgsm(model, LOSS, x, labels);
    assertFalse(model.isTraining());
  }

  @Test
  void the_mode_comes_back_when_the_search_fails() {
    assertThrows(
        IllegalArgumentException.class,
        () -> WITHIN.fgsm(model, LOSS, x, Tensor.of(new int[] {0})));
    assertTrue(model.isTraining());
  }

  @Test
  void halves_stay_halves() {
    Tensor half = Pointwise.cast(x, DType.BF16);
    Tensor moved = WITHIN.fgsm(new Tanh(), (y, t) -> Losses.mse(y, t), half, Tensor.zeros(8, 6));
    assertEquals(DType.BF16, moved.dtype());
  }

  @Test
  void what_cannot_be_is_refused() {
    assertEquals(
        "adversarial: epsilon must not be negative: -0.1",
        assertThrows(IllegalArgumentException.class, () -> new Adversarial(-0.1, 0, 1))
            .getMessage());
    assertEquals(
        "adversarial: the lower bound exceeds the upper: 1.0 and 0.0",
        assertThrows(IllegalArgumentException.class, () -> new Adversarial(0.1, 1, 0))
            .getMessage());
    assertEquals(
        "adversarial: the number of steps must be positive: 0",
        assertThrows(
                IllegalArgumentException.class,
                () -> WITHIN.pgd(model, LOSS, x, labels, 0, 0.1, null))
            .getMessage());
  }
}
