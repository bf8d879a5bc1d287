package io.gradus.train;

import io.gradus.nn.Draws;
import io.gradus.nn.Module;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Schedule;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.DoubleSupplier;

/**
 * Tries learning rates from a low one to a high one, a step each, and tells at which the loss falls
 * fastest (Smith 2017). The model and its optimizer are afterwards as they were.
 *
 * <pre>{@code
 * var found = LearningRateFinder.of(1e-6, 1, 100).find(model, adam, () -> trainOneBatch());
 * System.out.println(found);
 * adam.learningRate(Schedule.constant(found.suggestion().orElse(1e-3)));
 * }</pre>
 */
public final class LearningRateFinder {

  private static final double SMOOTHING = 0.9;
  private static final double EXPLODED = 4;

  private final double low;
  private final double high;
  private final int steps;

  private LearningRateFinder(double low, double high, int steps) {
    this.low = low;
    this.high = high;
    this.steps = steps;
  }

  /**
   * Rates that grow by the same factor from each step to the next.
   *
   * @throws IllegalArgumentException unless {@code 0 < low < high} and there are two steps or more
   */
  public static LearningRateFinder of(double low, double high, int steps) {
    if (!(low > 0 && low < high && high < Double.POSITIVE_INFINITY) || steps < 2) {
      throw new IllegalArgumentException(
          "find-lr: needs 0 < low < high and two steps or more: low "
              + low
              + ", high "
              + high
              + ", steps "
              + steps);
    }
    return new LearningRateFinder(low, high, steps);
  }

  /**
   * One step.
   *
   * @param smoothed the average of this loss and those before, the latest counting most
   */
  public record Point(double rate, double loss, double smoothed) {}

  /** What was seen at each rate. */
  public record Found(List<Point> points) {

    /**
     * The rate at which the smoothed loss fell most steeply over the logarithm of the rate, before
     * it was lowest; empty where it never fell.
     */
    public OptionalDouble suggestion() {
      int lowest = 0;
      for (int i = 1; i < points.size(); i++) {
        lowest = points.get(i).smoothed() < points.get(lowest).smoothed() ? i : lowest;
      }
      double steepest = 0;
      OptionalDouble rate = OptionalDouble.empty();
      for (int i = 1; i <= lowest; i++) {
        Point before = points.get(i - 1);
        Point after = points.get(Math.min(i + 1, points.size() - 1));
        double slope =
            (after.smoothed() - before.smoothed()) / Math.log(after.rate() / before.rate());
        if (slope < steepest) {
          steepest = slope;
          rate = OptionalDouble.of(points.get(i).rate());
        }
      }
      return rate;
    }

    /** A table: rate, loss, smoothed loss; then the suggestion. */
    @Override
    public String toString() {
      StringBuilder text = new StringBuilder("rate       loss       smoothed\n");
      for (Point p : points) {
        text.append(
            String.format(Locale.ROOT, "%-10.3e %-10.5g %.5g%n", p.rate(), p.loss(), p.smoothed()));
      }
      OptionalDouble rate = suggestion();
      return text.append(
              rate.isPresent()
                  ? String.format(Locale.ROOT, "suggestion: %.3e", rate.getAsDouble())
                  : "suggestion: none, the loss never fell")
          .toString();
    }
  }

  /**
   * Takes the steps, up to where the smoothed loss is 4 times the least or a loss is not finite.
   *
   * @param step trains the model by one step of the optimizer and gives its loss
   * @throws IllegalStateException where it does not take a step of the optimizer
   */
  public Found find(Module model, Optimizer optimizer, DoubleSupplier step) {
    Past past = new Past(model, optimizer);
    try {
      long first = optimizer.steps();
      optimizer.learningRate(taken -> rate(taken - first));
      List<Point> points = new ArrayList<>();
      double average = 0;
      double least = Double.POSITIVE_INFINITY;
      for (int i = 0; i < steps; i++) {
        double loss = step.getAsDouble();
        if (optimizer.steps() != first + i + 1) {
          throw new IllegalStateException(
              "find-lr: the step must take one step of the optimizer: it took "
                  + (optimizer.steps() - first - i));
        }
        average = SMOOTHING * average + (1 - SMOOTHING) * loss;
        double smoothed = average / (1 - Math.pow(SMOOTHING, i + 1));
        if (!Double.isFinite(smoothed) || i > 0 && smoothed > EXPLODED * least) {
          break;
        }
        least = Math.min(least, smoothed);
        points.add(new Point(rate(i), loss, smoothed));
      }
      return new Found(List.copyOf(points));
    } finally {
      past.restore();
    }
  }

  private double rate(long step) {
    return low * Math.pow(high / low, (double) step / (steps - 1));
  }

  /** All that steps change. */
  private static final class Past {
    private final Optimizer optimizer;
    private final Schedule schedule;
    private final long steps;
    private final Map<String, Long> updates;
    private final Map<Tensor, Tensor> model = new IdentityHashMap<>();
    private final Map<String, Tensor> state = new LinkedHashMap<>();
    private final Map<Draws, Seed> seeds = new IdentityHashMap<>();
    private final Map<Draws, Long> positions = new IdentityHashMap<>();

    Past(Module model, Optimizer optimizer) {
      this.optimizer = optimizer;
      this.schedule = optimizer.schedule();
      this.steps = optimizer.steps();
      this.updates = optimizer.updates();
      model.state().values().forEach(tensor -> this.model.put(tensor, copy(tensor)));
      optimizer.state().forEach((name, tensor) -> state.put(name, copy(tensor)));
      for (Draws draws : model.draws().values()) {
        seeds.put(draws, draws.seed());
        positions.put(draws, draws.position());
      }
    }

    private static Tensor copy(Tensor tensor) {
      return Scope.outside(tensor::copy);
    }

    void restore() {
      optimizer.learningRate(schedule);
      optimizer.restore(steps, updates);
      Map<String, Tensor> into = optimizer.state();
      state.forEach((name, tensor) -> into.get(name).copyFrom(tensor));
      model.forEach(Tensor::copyFrom);
      seeds.forEach((draws, seed) -> draws.resume(seed, positions.get(draws)));
      state.values().forEach(Tensor::close);
      model.values().forEach(Tensor::close);
    }
  }
}
