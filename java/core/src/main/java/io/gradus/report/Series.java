package io.gradus.report;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * What was measured under one name in a run, by ascending steps.
 *
 * @param steps each once
 * @param wallTimes when it was measured, in seconds since 1970; 0 where the log does not say
 * @param values one for each step
 */
public record Series(String name, long[] steps, double[] wallTimes, double[] values) {

  /** How many values there are. */
  public int size() {
    return steps.length;
  }

  /**
   * The exponential moving average that TensorBoard draws: {@code s ← weight · s + (1 - weight) ·
   * v} from 0 on, divided by {@code 1 - weightᵗ}, so that the first values count in full (Kingma
   * and Ba 2015). NaN and infinite values stay as they are and do not enter it.
   *
   * @param weight in [0, 1); 0 changes nothing
   * @throws IllegalArgumentException where it is another
   */
  public Series smoothed(double weight) {
    if (!(weight >= 0 && weight < 1)) {
      throw new IllegalArgumentException("smooth: the weight must lie in [0, 1): " + weight);
    }
    double[] smooth = values.clone();
    double average = 0;
    double share = 0; // 1 - weight to the power of the values so far
    for (int i = 0; i < smooth.length; i++) {
      if (Double.isFinite(smooth[i])) {
        average = weight * average + (1 - weight) * smooth[i];
        share = weight * share + (1 - weight);
        smooth[i] = average / share;
      }
    }
    return new Series(name, steps, wallTimes, smooth);
  }

  /** Collects values in the order of a log. */
  static final class Builder {
    private final String name;
    private long[] steps = new long[8];
    private double[] wallTimes = new double[8];
    private double[] values = new double[8];
    private int size;

    Builder(String name) {
      this.name = name;
    }

    void add(long step, double wallTime, double value) {
      if (size == steps.length) {
        steps = Arrays.copyOf(steps, 2 * size);
        wallTimes = Arrays.copyOf(wallTimes, 2 * size);
        values = Arrays.copyOf(values, 2 * size);
      }
      steps[size] = step;
      wallTimes[size] = wallTime;
      values[size++] = value;
    }

    /** Whether every step is later than the one before it, as in a run that never went back. */
    private boolean isOrdered() {
      return IntStream.range(1, size).allMatch(i -> steps[i - 1] < steps[i]);
    }

    /** In the order of steps; of two values of one step, the later one holds. */
    Series build() {
      if (isOrdered()) {
        return new Series(
            name,
            Arrays.copyOf(steps, size),
            Arrays.copyOf(wallTimes, size),
            Arrays.copyOf(values, size));
      }
      int[] order =
          IntStream.range(0, size)
              .boxed()
              .sorted((a, b) -> Long.compare(steps[a], steps[b])) // keeps the order of equals
              .mapToInt(Integer::intValue)
              .toArray();
      int[] last =
          IntStream.range(0, size)
              .filter(i -> i == size - 1 || steps[order[i]] != steps[order[i + 1]])
              .map(i -> order[i])
              .toArray();
      return new Series(
          name,
          Arrays.stream(last).mapToLong(i -> steps[i]).toArray(),
          Arrays.stream(last).mapToDouble(i -> wallTimes[i]).toArray(),
          Arrays.stream(last).mapToDouble(i -> values[i]).toArray());
    }
  }
}
