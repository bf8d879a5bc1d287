package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.nn.Draws;
import io.gradus.nn.Module;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.optim.Adam;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Sgd;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class LearningRateFinderTest {

  /** {@code Σ w²}, whose steps draw numbers and change a buffer. */
  private static final class Bowl extends Module {
    final Tensor w = parameter("w", () -> Tensor.of(new float[] {3, -4}));
    final Tensor seen = buffer("seen", () -> Tensor.of(new float[] {0}));
    final Draws draws = draws("draws", Seed.of(5));

    @Override
    public Tensor forward(Tensor x) {
      draws.next();
      seen.fill(seen.item() + 1);
      return Reductions.sum(Pointwise.mul(w, w));
    }

    double step(Optimizer optimizer) {
      try (Tape tape = Tape.record()) {
        Tensor loss = forward(null);
        double value = loss.item();
        optimizer.step(tape.gradients(loss));
        return value;
      }
    }
  }

  @Test
  void rates_grow_until_the_loss_explodes() {
    Bowl bowl = new Bowl();
    Optimizer sgd = Sgd.builder().learningRate(0.25).build(bowl.parameters());
    var found = LearningRateFinder.of(1e-4, 100, 61).find(bowl, sgd, () -> bowl.step(sgd));
    List<LearningRateFinder.Point> points = found.points();
    assertEquals(1e-4, points.get(0).rate(), 1e-12);
    assertEquals(Math.pow(10, 0.1), points.get(1).rate() / points.get(0).rate(), 1e-9);
    assertEquals(25, points.get(0).loss(), 1e-5);
    assertEquals(25, points.get(0).smoothed(), 1e-5);
    // Steps along w² explode beyond a rate of 1.
    double last = points.get(points.size() - 1).rate();
    assertTrue(points.size() < 61 && last > 1 && last < 20, () -> found.toString());
    double suggested = found.suggestion().orElseThrow();
    assertTrue(suggested > 0.01 && suggested < 1, () -> found.toString());
    assertTrue(found.toString().endsWith(String.format("suggestion: %.3e", suggested)));
  }

  @Test
  void model_and_optimizer_are_as_they_were_bit_for_bit() {
    Bowl tried = new Bowl();
    Bowl plain = new Bowl();
    Optimizer first = Adam.builder().learningRate(s -> 0.1 / (1 + s)).build(tried.parameters());
    Optimizer second = Adam.builder().learningRate(s -> 0.1 / (1 + s)).build(plain.parameters());
    tried.step(first);
    plain.step(second);
    LearningRateFinder.of(1e-3, 1, 10).find(tried, first, () -> tried.step(first));
    assertEquals(1, first.steps());
    assertEquals(plain.draws.position(), tried.draws.position());
    assertEquals(1, tried.seen.item());
    for (int i = 0; i < 3; i++) {
      assertEquals(second.learningRate(), first.learningRate());
      assertEquals(plain.step(second), tried.step(first));
    }
    assertArrayEquals(plain.w.toFloats(), tried.w.toFloats());
    Map<String, Tensor> state = new LinkedHashMap<>(second.state());
    first
        .state()
        .forEach((name, t) -> assertArrayEquals(state.get(name).toFloats(), t.toFloats(), name));
  }

  @Test
  void a_step_that_fails_leaves_all_as_it_was_too() {
    Bowl bowl = new Bowl();
    Optimizer sgd = Sgd.builder().learningRate(0.25).build(bowl.parameters());
    assertThrows(
        ArithmeticException.class,
        () ->
            LearningRateFinder.of(0.1, 1, 5)
                .find(
                    bowl,
                    sgd,
                    () -> {
                      if (sgd.steps() == 2) {
                        throw new ArithmeticException();
                      }
                      return bowl.step(sgd);
                    }));
    assertArrayEquals(new float[] {3, -4}, bowl.w.toFloats());
    assertEquals(0.25, sgd.learningRate());
    assertEquals(0, sgd.steps());
  }

  @Test
  void a_loss_that_never_falls_suggests_nothing() {
    Bowl bowl = new Bowl();
    Optimizer sgd = Sgd.builder().maximize().build(bowl.parameters());
    var found = LearningRateFinder.of(0.1, 1, 5).find(bowl, sgd, () -> bowl.step(sgd));
    assertEquals(OptionalDouble.empty(), found.suggestion());
    assertTrue(found.toString().endsWith("suggestion: none, the loss never fell"));
  }

  @Test
  void mistakes_are_refused() {
    Bowl bowl = new Bowl();
    Optimizer sgd = Sgd.builder().build(bowl.parameters());
    assertEquals(
        "find-lr: needs 0 < low < high and two steps or more: low 1.0, high 0.1, steps 5",
        assertThrows(IllegalArgumentException.class, () -> LearningRateFinder.of(1, 0.1, 5))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> LearningRateFinder.of(0, 0.1, 5));
    assertThrows(IllegalArgumentException.class, () -> LearningRateFinder.of(0.1, 1, 1));
    assertThrows(
        IllegalStateException.class,
        () -> LearningRateFinder.of(0.1, 1, 5).find(bowl, sgd, () -> 1));
  }
}
