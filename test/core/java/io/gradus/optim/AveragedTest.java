package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.nn.Module;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class AveragedTest {

  /** Two parameters, a running mean of what it has seen, and a count. */
  private static final class Model extends Module {
    final Tensor w = parameter("w", () -> Tensor.of(new float[] {1, 2, 3}));
    final Tensor b = parameter("b", () -> Tensor.of(new float[] {4}));
    final Tensor mean = buffer("mean", () -> Tensor.of(new float[] {8}));
    final Tensor count = buffer("count", () -> Tensor.of(new long[] {0}));

    @Override
    public Tensor forward(Tensor x) {
      if (isTraining()) {
        double seen = Reductions.mean(x).item();
        mean.fill(0.5 * mean.item() + 0.5 * seen);
        count.fill(count.toLongs()[0] + 1);
      }
      return Pointwise.add(Pointwise.mul(x, w), b);
    }

    void set(double value) {
      w.fill(value);
      b.fill(value);
      mean.fill(2 * value);
      count.fill((long) value);
    }

    Tensor loss(Tensor x) {
      Tensor y = forward(x);
      return Reductions.mean(Pointwise.mul(y, y));
    }
  }

  @Test
  void an_exponential_average_follows_its_formula() {
    Model model = new Model();
    ExponentialMovingAverage average = ExponentialMovingAverage.of(model, 0.75);
    model.set(5);
    average.update();
    model.set(7);
    average.update();
    float[] w = average.state().get("w").toFloats();
    assertArrayEquals(
        new float[] {
          0.75f * (0.75f * 1 + 1.25f) + 1.75f,
          0.75f * (0.75f * 2 + 1.25f) + 1.75f,
          0.75f * (0.75f * 3 + 1.25f) + 1.75f
        },
        w,
        1e-6f);
    assertEquals(0.75 * (0.75 * 8 + 2.5) + 3.5, average.state().get("mean").toFloats()[0], 1e-6);
    assertArrayEquals(new long[] {7}, average.state().get("count").toLongs());
    assertEquals(2, average.updates());
    assertArrayEquals(new float[] {7, 7, 7}, model.w.toFloats());
  }

  @Test
  void a_warmup_forgets_the_beginning() {
    Model model = new Model();
    ExponentialMovingAverage average = ExponentialMovingAverage.withWarmup(model, 0.9);
    model.set(11);
    average.update();
    assertEquals(1 + 0.9 * 10, average.state().get("w").toFloats()[0], 1e-5);
  }

  @Test
  void a_stochastic_average_is_the_mean() {
    Model model = new Model();
    StochasticWeightAverage average = StochasticWeightAverage.of(model);
    for (double value : new double[] {3, 5, 10}) {
      model.set(value);
      average.update();
    }
    assertArrayEquals(new float[] {6, 6, 6}, average.state().get("w").toFloats(), 1e-5f);
    assertEquals(20, average.state().get("mean").toFloats()[0]);
  }

  @Test
  @SuppressWarnings("try") // closed early on purpose, or only to be closed
  void a_swap_lends_the_model_the_averages_and_closes_back() {
    Model model = new Model();
    StochasticWeightAverage average = StochasticWeightAverage.of(model);
    model.set(3);
    try (Averaged.Swap swap = average.swap()) {
      assertArrayEquals(new float[] {1, 2, 3}, model.w.toFloats());
      assertEquals(4, model.b.toFloats()[0]);
      assertEquals(8, model.mean.toFloats()[0]);
      assertArrayEquals(new long[] {0}, model.count.toLongs());
      assertThrows(IllegalStateException.class, average::update);
      assertThrows(IllegalStateException.class, average::swap);
      swap.close();
      assertArrayEquals(new float[] {3, 3, 3}, model.w.toFloats());
    }
    assertArrayEquals(new float[] {3, 3, 3}, model.w.toFloats());
    assertArrayEquals(new long[] {3}, model.count.toLongs());
    average.copyToModel();
    assertArrayEquals(new float[] {1, 2, 3}, model.w.toFloats());
    assertArrayEquals(new float[] {1, 2, 3}, average.state().get("w").toFloats());
    model.set(3);
    try (Averaged.Swap swap = average.swap()) {
      average.copyToModel();
    }
    assertArrayEquals(new float[] {1, 2, 3}, model.w.toFloats());
    assertArrayEquals(new float[] {1, 2, 3}, average.state().get("w").toFloats());
  }

  @Test
  void statistics_are_estimated_anew_by_batches_in_training_mode() {
    Model model = new Model();
    model.eval();
    StochasticWeightAverage.reestimate(
        model, List.of(Tensor.ones(2, 3), Tensor.ones(2, 3), Tensor.ones(2, 3)));
    assertEquals(0.125 * 8 + 0.875, model.mean.toFloats()[0], 1e-6);
    assertFalse(model.isTraining());
    assertArrayEquals(new long[] {3}, model.count.toLongs());
  }

  /** An optimizer lays the parameters together: then one run averages both. */
  @Test
  void a_captured_update_is_an_eager_one_bit_for_bit() {
    Model eager = new Model();
    Model captured = new Model();
    eager.eval();
    captured.eval();
    Optimizer one = Sgd.builder().learningRate(0.01).build(eager.parameters());
    Optimizer two = Sgd.builder().learningRate(0.01).build(captured.parameters());
    Averaged first = StochasticWeightAverage.of(eager);
    Averaged second = StochasticWeightAverage.of(captured);
    Tensor x = Tensor.of(new float[] {1, -2, 0.5f}, 1, 3);
    for (int i = 0; i < 6; i++) {
      step(eager, one, first, x);
    }
    try (Graph graph =
        Graph.capture(
            in -> {
              step(captured, two, second, in[0]);
              return null;
            },
            x)) {
      for (int i = 1; i < 6; i++) {
        graph.replay(x);
      }
    }
    assertEquals(6, second.updates());
    first
        .state()
        .forEach(
            (name, tensor) -> {
              if (!name.equals("count")) {
                assertArrayEquals(tensor.toFloats(), second.state().get(name).toFloats(), name);
              }
            });
    assertTrue(first.state().get("w").toFloats()[0] != eager.w.toFloats()[0]);
  }

  private static void step(Model model, Optimizer optimizer, Averaged average, Tensor x) {
    try (Tape tape = Tape.record()) {
      optimizer.step(tape.gradients(model.loss(x)));
    }
    average.update();
  }

  @Test
  void a_restored_average_goes_on_as_the_other() {
    Model model = new Model();
    Averaged first = StochasticWeightAverage.of(model);
    model.set(3);
    first.update();
    Averaged second = StochasticWeightAverage.of(model);
    second.restore(first.updates());
    second.state().forEach((name, tensor) -> tensor.copyFrom(first.state().get(name)));
    model.set(9);
    first.update();
    second.update();
    assertArrayEquals(first.state().get("w").toFloats(), second.state().get("w").toFloats());
    assertThrows(IllegalArgumentException.class, () -> second.restore(-1));
    assertThrows(IllegalArgumentException.class, () -> ExponentialMovingAverage.of(model, 1));
  }
}
