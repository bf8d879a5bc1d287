package io.gradus.optim;

import java.util.Arrays;

/** The formulas of schedules that go up and down. */
final class Cycles {

  /** The height of a cycle, of which there were so many before, at a step. */
  @FunctionalInterface
  interface Height {
    double at(long cycle, long steps);
  }

  private Cycles() {}

  /** From {@code from} to {@code to} along half a cosine. */
  static double cosine(double from, double to, double portion) {
    return to + (from - to) * (1 + Math.cos(Math.PI * portion)) / 2;
  }

  /** Which portion of its run is over, where each is {@code longer} times as long as the last. */
  static double sinceRestart(long steps, long first, long longer) {
    if (longer == 1) {
      return (double) (steps % first) / first;
    }
    long start = 0;
    double length = first; // which soon exceeds every long
    while (steps - start >= length) {
      start += (long) length;
      length *= longer;
    }
    return (steps - start) / length;
  }

  static Schedule oneCycle(
      double peak, long total, double rising, double startDivisor, double endDivisor) {
    Hyperparameters.checkRate("oneCycle", peak);
    if (total < 1 || !(rising >= 0 && rising <= 1)) {
      throw new IllegalArgumentException(
          "oneCycle: needs a step and a rising part in [0, 1]: total "
              + total
              + ", rising "
              + rising);
    }
    if (!(startDivisor > 0 && endDivisor > 0)) {
      throw new IllegalArgumentException(
          "oneCycle: divisors must be positive: " + startDivisor + " and " + endDivisor);
    }
    double start = peak / startDivisor;
    double end = start / endDivisor;
    double top = rising * total - 1;
    return steps -> {
      if (top > 0 && steps <= top) {
        return cosine(start, peak, steps / top);
      }
      // A rise of less than a step has none of its own: the peak comes first.
      double from = Math.max(top, 0);
      double portion = total - 1 <= from ? 1 : Math.min(1, (steps - from) / (total - 1 - from));
      return cosine(peak, end, portion);
    };
  }

  static Schedule triangular(
      String name, double low, double high, long up, long down, Height height) {
    Hyperparameters.checkRate(name, low);
    Hyperparameters.checkRate(name, high);
    if (up < 1 || down < 0) {
      throw new IllegalArgumentException(
          name + ": needs a step up and none or more down: up " + up + ", down " + down);
    }
    long length = up + down;
    return steps -> {
      long in = steps % length;
      double portion = in <= up ? (double) in / up : (double) (length - in) / down;
      return low + (high - low) * portion * height.at(steps / length, steps);
    };
  }

  static long[] checkRising(String schedule, long[] milestones) {
    long last = -1;
    for (long milestone : milestones) {
      if (milestone < 0 || milestone < last) {
        throw new IllegalArgumentException(
            schedule + ": milestones must rise from 0 on: " + Arrays.toString(milestones));
      }
      last = milestone;
    }
    return milestones.clone();
  }

  /** How many of these there are up to a step. */
  static int passed(long[] milestones, long steps) {
    int count = 0;
    while (count < milestones.length && milestones[count] <= steps) {
      count++;
    }
    return count;
  }
}
