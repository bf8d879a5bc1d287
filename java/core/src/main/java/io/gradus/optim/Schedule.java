package io.gradus.optim;

/**
 * The learning rate of each step.
 *
 * <p>Below, {@code s} is the number of steps taken before, so that the first step has {@code s =
 * 0}.
 */
@FunctionalInterface
public interface Schedule {

  /** The learning rate of the step that follows this many others. */
  double at(long steps);

  /** The same rate always. */
  static Schedule constant(double rate) {
    Hyperparameters.checkRate("constant", rate);
    return steps -> rate;
  }

  /**
   * Rises linearly over {@code warmup} steps, then falls linearly to 0 at step {@code total}:
   * {@code peak · (s + 1) / (warmup + 1)}, then {@code peak · (total - s) / (total - warmup)}, then
   * 0.
   */
  static Schedule warmupLinear(double peak, long warmup, long total) {
    checkWarmup("warmupLinear", peak, warmup, total);
    return steps ->
        peak * (steps < warmup ? rise(steps, warmup) : 1 - fallen(steps, warmup, total));
  }

  /**
   * Rises linearly over {@code warmup} steps, then falls to 0 at step {@code total} along half a
   * cosine (Loshchilov and Hutter 2017): {@code peak · (s + 1) / (warmup + 1)}, then {@code peak ·
   * (1 + cos(π · (s - warmup) / (total - warmup))) / 2}, then 0.
   */
  static Schedule warmupCosine(double peak, long warmup, long total) {
    checkWarmup("warmupCosine", peak, warmup, total);
    return steps ->
        peak
            * (steps < warmup
                ? rise(steps, warmup)
                : (1 + Math.cos(Math.PI * fallen(steps, warmup, total))) / 2);
  }

  /** Not 0 at the first step, which would be a step for nothing, and 1 at step {@code warmup}. */
  private static double rise(long steps, long warmup) {
    return (steps + 1.0) / (warmup + 1.0);
  }

  private static double fallen(long steps, long warmup, long total) {
    return steps >= total ? 1 : (double) (steps - warmup) / (total - warmup);
  }

  private static void checkWarmup(String schedule, double peak, long warmup, long total) {
    Hyperparameters.checkRate(schedule, peak);
    if (warmup < 0 || total < warmup || total == 0) {
      throw new IllegalArgumentException(
          schedule
              + ": needs 0 <= warmup <= total and a step in total: warmup "
              + warmup
              + ", total "
              + total);
    }
  }
}
