package io.gradus.optim;

import java.util.List;

/**
 * The learning rate of each step.
 *
 * <p>Below, {@code s} is the number of steps taken before, so that the first step has {@code s =
 * 0}. A function of one's own, {@code s -> 0.1 / (1 + s)}, is a schedule too; {@link
 * ReduceOnPlateau} is one that follows a metric.
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

  // From one rate on

  /**
   * Multiplied by {@code factor} after every {@code every} steps, as PyTorch's StepLR: {@code rate
   * · factor^⌊s / every⌋}.
   */
  static Schedule step(double rate, long every, double factor) {
    Hyperparameters.checkRate("step", rate);
    Hyperparameters.checkNotNegative("step", "factor", factor);
    checkPositive("step", "every", every);
    return steps -> rate * Math.pow(factor, steps / every);
  }

  /**
   * Multiplied by {@code factor} at each of these steps, as PyTorch's MultiStepLR.
   *
   * @param milestones in rising order
   */
  static Schedule multiStep(double rate, double factor, long... milestones) {
    Hyperparameters.checkRate("multiStep", rate);
    Hyperparameters.checkNotNegative("multiStep", "factor", factor);
    long[] at = Cycles.checkRising("multiStep", milestones);
    return steps -> rate * Math.pow(factor, Cycles.passed(at, steps));
  }

  /** Multiplied by {@code factor} after every step, as PyTorch's ExponentialLR. */
  static Schedule exponential(double rate, double factor) {
    Hyperparameters.checkRate("exponential", rate);
    Hyperparameters.checkNotNegative("exponential", "factor", factor);
    return steps -> rate * Math.pow(factor, steps);
  }

  /**
   * Falls to 0 at step {@code total} along a power, as PyTorch's PolynomialLR: {@code rate · (1 -
   * min(s, total) / total)^power}.
   */
  static Schedule polynomial(double rate, long total, double power) {
    Hyperparameters.checkRate("polynomial", rate);
    Hyperparameters.checkNotNegative("polynomial", "power", power);
    checkPositive("polynomial", "total", total);
    return steps -> rate * Math.pow(1 - portion(steps, total), power);
  }

  /**
   * Goes in a line from {@code from} to {@code to}, which it has from step {@code total} on, as
   * PyTorch's LinearLR with these over its rate for factors.
   */
  static Schedule linear(double from, double to, long total) {
    Hyperparameters.checkRate("linear", from);
    Hyperparameters.checkRate("linear", to);
    checkPositive("linear", "total", total);
    return steps -> from + (to - from) * portion(steps, total);
  }

  // Cosines

  /**
   * Falls to {@code least} at step {@code total} along half a cosine (Loshchilov and Hutter 2017),
   * and rises again from there, as PyTorch's CosineAnnealingLR: {@code least + (rate - least) · (1
   * + cos(π · s / total)) / 2}. {@link #warmupCosine} stays down.
   */
  static Schedule cosine(double rate, double least, long total) {
    Hyperparameters.checkRate("cosine", rate);
    Hyperparameters.checkRate("cosine", least);
    checkPositive("cosine", "total", total);
    return steps -> Cycles.cosine(rate, least, (double) steps / total);
  }

  /**
   * Falls along half a cosine and begins anew (Loshchilov and Hutter 2017), as PyTorch's
   * CosineAnnealingWarmRestarts.
   *
   * @param first how many steps it falls the first time
   * @param longer how many times longer each time is than the one before; 1 for as long
   */
  static Schedule cosineRestarts(double rate, double least, long first, long longer) {
    Hyperparameters.checkRate("cosineRestarts", rate);
    Hyperparameters.checkRate("cosineRestarts", least);
    checkPositive("cosineRestarts", "first", first);
    checkPositive("cosineRestarts", "longer", longer);
    return steps -> Cycles.cosine(rate, least, Cycles.sinceRestart(steps, first, longer));
  }

  // Cycles

  /**
   * One cycle (Smith and Topin 2018), as PyTorch's OneCycleLR with its defaults: rises from {@code
   * peak / 25} for 0.3 of the steps, and falls to {@code peak / 250000}, along cosines.
   */
  static Schedule oneCycle(double peak, long total) {
    return oneCycle(peak, total, 0.3, 25, 1e4);
  }

  /**
   * One cycle of cosines, as PyTorch's OneCycleLR: from {@code peak / startDivisor} up to the peak,
   * where {@code rising} of the steps are over, and down to {@code peak / startDivisor /
   * endDivisor} in the last of {@code total} steps, where it stays.
   */
  static Schedule oneCycle(
      double peak, long total, double rising, double startDivisor, double endDivisor) {
    return Cycles.oneCycle(peak, total, rising, startDivisor, endDivisor);
  }

  /**
   * Rises from {@code low} to {@code high} over {@code up} steps and falls back over {@code down},
   * again and again (Smith 2017), as PyTorch's CyclicLR in mode {@code triangular}.
   */
  static Schedule triangular(double low, double high, long up, long down) {
    return Cycles.triangular("triangular", low, high, up, down, (cycle, steps) -> 1);
  }

  /** {@link #triangular} with half the height in each further cycle: mode {@code triangular2}. */
  static Schedule triangular2(double low, double high, long up, long down) {
    return Cycles.triangular(
        "triangular2", low, high, up, down, (cycle, steps) -> Math.pow(0.5, cycle));
  }

  /** {@link #triangular} with a height of {@code factor^s} of it: mode {@code exp_range}. */
  static Schedule expRange(double low, double high, long up, long down, double factor) {
    Hyperparameters.checkNotNegative("expRange", "factor", factor);
    return Cycles.triangular(
        "expRange", low, high, up, down, (cycle, steps) -> Math.pow(factor, steps));
  }

  // Of other schedules

  /**
   * Rises in a line over {@code warmup} steps to the first rate of another schedule, which begins
   * then: {@code then.at(0) · (s + 1) / (warmup + 1)}.
   */
  static Schedule warmup(long warmup, Schedule then) {
    if (warmup < 0) {
      throw new IllegalArgumentException("warmup: steps must not be negative: " + warmup);
    }
    return steps -> steps < warmup ? then.at(0) * rise(steps, warmup) : then.at(steps - warmup);
  }

  /**
   * One schedule after the other, each of which counts its steps from 0, as PyTorch's SequentialLR.
   *
   * @param milestones where the second and each further one begins, in rising order
   * @throws IllegalArgumentException where there is not one milestone fewer than schedules
   */
  static Schedule sequential(List<Schedule> schedules, long... milestones) {
    long[] at = Cycles.checkRising("sequential", milestones);
    List<Schedule> all = List.copyOf(schedules);
    if (all.size() != at.length + 1) {
      throw new IllegalArgumentException(
          "sequential: needs a milestone between two schedules: "
              + all.size()
              + " schedules, "
              + at.length
              + " milestones");
    }
    return steps -> {
      int i = Cycles.passed(at, steps);
      return all.get(i).at(i == 0 ? steps : steps - at[i - 1]);
    };
  }

  /**
   * The product of this schedule's rate and others', which are its factors, as PyTorch's
   * ChainedScheduler: {@code exponential(0.1, 0.9).times(linear(0.5, 1, 4))}.
   */
  default Schedule times(Schedule factor) {
    return steps -> at(steps) * factor.at(steps);
  }

  // With warm-up and end

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

  private static double portion(long steps, long total) {
    return (double) Math.min(steps, total) / total;
  }

  private static void checkPositive(String schedule, String name, long value) {
    if (value < 1) {
      throw new IllegalArgumentException(schedule + ": " + name + " must be positive: " + value);
    }
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
