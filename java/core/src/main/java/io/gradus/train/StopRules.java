package io.gradus.train;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;

/**
 * When a training ends before its last step, as callbacks of a {@link Trainer}: the first rule that
 * applies ends it, with a checkpoint unless it saves none.
 */
public final class StopRules {

  private StopRules() {}

  /**
   * Once the mean training loss of the last steps is this low.
   *
   * @param threshold the loss
   * @param steps over how many steps the mean goes; skipped ones do not count
   * @throws IllegalArgumentException where {@code steps} is not positive
   */
  public static TrainerCallback lossBelow(double threshold, int steps) {
    if (steps < 1) {
      throw new IllegalArgumentException("stop: the number of steps must be positive: " + steps);
    }
    return new LossBelow(threshold, steps);
  }

  /**
   * Once the figure that the arguments name for the best model has not improved.
   *
   * @param patience evaluations in a row that may pass without
   * @param threshold by how much it has to improve
   */
  public static TrainerCallback noImprovement(int patience, double threshold) {
    return new NoImprovement(patience, threshold);
  }

  /** Once a run has taken this long; one that goes on later has as much time again. */
  public static TrainerCallback after(Duration time) {
    return new Deadline(time);
  }

  private static final class LossBelow implements TrainerCallback {
    private final double threshold;
    private final int steps;
    private final Deque<Double> last = new ArrayDeque<>();

    LossBelow(double threshold, int steps) {
      this.threshold = threshold;
      this.steps = steps;
    }

    @Override
    public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
      if (trainer.state().isSkipped()) {
        return;
      }
      last.add(trainer.state().loss());
      if (last.size() > steps) {
        last.remove();
      }
      double mean = last.stream().mapToDouble(loss -> loss).average().orElseThrow();
      if (last.size() == steps && mean <= threshold) {
        control.stop("the loss is " + (float) mean + ", at most " + threshold);
      }
    }

    @Override
    public Map<String, String> state() {
      return Map.of("last", String.join(" ", last.stream().map(String::valueOf).toList()));
    }

    @Override
    public void restore(Map<String, String> state) {
      last.clear();
      String losses = state.getOrDefault("last", "");
      if (!losses.isEmpty()) {
        for (String loss : losses.split(" ")) {
          last.add(Double.parseDouble(loss));
        }
      }
    }
  }

  private static final class NoImprovement implements TrainerCallback {
    private final EarlyStopping smaller;
    private final EarlyStopping larger;

    NoImprovement(int patience, double threshold) {
      smaller = EarlyStopping.min(patience, threshold);
      larger = EarlyStopping.max(patience, threshold);
    }

    @Override
    public void onEvaluate(
        Trainer<?> trainer, TrainerControl control, Map<String, Double> metrics) {
      TrainingArguments arguments = trainer.arguments();
      double value = trainer.metricForBest(metrics);
      // Both are told, so that a checkpoint restores the one that counts.
      boolean falls = smaller.stopsAfter(value);
      boolean rises = larger.stopsAfter(value);
      if (arguments.greaterIsBetter() ? rises : falls) {
        double best = arguments.greaterIsBetter() ? larger.best() : smaller.best();
        control.stop(arguments.metricForBestModel() + " no longer improves on " + (float) best);
      }
    }

    @Override
    public Map<String, String> state() {
      return Map.of("smaller", text(smaller.state()), "larger", text(larger.state()));
    }

    private static String text(EarlyStopping.State state) {
      return state.best() + " " + state.bestEvaluation() + " " + state.evaluations();
    }

    @Override
    public void restore(Map<String, String> state) {
      smaller.restore(parsed(state.get("smaller")));
      larger.restore(parsed(state.get("larger")));
    }

    private static EarlyStopping.State parsed(String text) {
      String[] parts = text == null ? new String[0] : text.split(" ");
      if (parts.length != 3) {
        throw new IllegalArgumentException("stop: the state of the rule is broken: " + text);
      }
      return new EarlyStopping.State(
          Double.parseDouble(parts[0]), Long.parseLong(parts[1]), Long.parseLong(parts[2]));
    }
  }

  private static final class Deadline implements TrainerCallback {
    private final Duration time;
    private long start;

    Deadline(Duration time) {
      if (time.isNegative()) {
        throw new IllegalArgumentException("stop: the time must not be negative: " + time);
      }
      this.time = time;
    }

    @Override
    public void onTrainBegin(Trainer<?> trainer, TrainerControl control) throws IOException {
      start = System.nanoTime();
    }

    @Override
    public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
      if (System.nanoTime() - start >= time.toNanos()) {
        control.stop("the time is over: " + time);
      }
    }
  }
}
