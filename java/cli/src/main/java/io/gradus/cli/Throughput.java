package io.gradus.cli;

import java.util.Arrays;

/**
 * How many samples or tokens a second a workload got through, over many short windows. The median
 * tells the speed and the 10th and 90th percentiles how far the rest of the machine disturbed it.
 */
record Throughput(double median, double p10, double p90) {

  private static final long WINDOW = 50_000_000; // ns; a step at least
  private static final int FEWEST = 3; // windows, however long their steps take

  /** Repeats the step for this many seconds, and before that to warm up. */
  static Throughput measure(Workload workload, double warmUp, double seconds) {
    long start = System.nanoTime();
    do {
      workload.step().run();
    } while (System.nanoTime() - start < warmUp * 1e9);
    workload.device().await();
    double[] rates = new double[64];
    int count = 0;
    start = System.nanoTime();
    do {
      if (count == rates.length) {
        rates = Arrays.copyOf(rates, 2 * count);
      }
      rates[count++] = window(workload);
    } while (count < FEWEST || System.nanoTime() - start < seconds * 1e9);
    return of(Arrays.copyOf(rates, count));
  }

  private static double window(Workload workload) {
    long steps = 0;
    long start = System.nanoTime();
    long elapsed;
    do {
      workload.step().run();
      steps++;
      elapsed = System.nanoTime() - start;
    } while (elapsed < WINDOW);
    workload.device().await();
    elapsed = System.nanoTime() - start;
    return steps * (double) workload.units() / (elapsed / 1e9);
  }

  static Throughput of(double... rates) {
    double[] sorted = rates.clone();
    Arrays.sort(sorted);
    return new Throughput(
        percentile(sorted, 0.5), percentile(sorted, 0.1), percentile(sorted, 0.9));
  }

  /** Between the two nearest ranks, the line through both. */
  private static double percentile(double[] sorted, double share) {
    double rank = share * (sorted.length - 1);
    int below = (int) rank;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (rank - below) * (sorted[above] - sorted[below]);
  }
}
