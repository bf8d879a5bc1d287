package io.gradus.report;

import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * How numbers are spread: how many fall into each of a row of buckets.
 *
 * @param min the smallest number; 0 where there is none, as all that follows
 * @param max the largest number
 * @param count how many numbers there are
 * @param sum of the numbers
 * @param sumSquares the sum of their squares
 * @param limits where each bucket ends, ascending; it begins where the one before it ends, and
 *     contains its begin and not its end
 * @param counts how many numbers each bucket has
 */
public record Histogram(
    double min,
    double max,
    long count,
    double sum,
    double sumSquares,
    double[] limits,
    double[] counts) {

  /** Elements that are copied out of a tensor at a time. */
  private static final int CHUNK = 1 << 20;

  private static final double[] LIMITS = defaultLimits();

  /** TensorBoard's buckets: each limit is 10 % more than the one before it, on both sides of 0. */
  private static double[] defaultLimits() {
    double[] positive = new double[1000];
    int n = 0;
    for (double limit = 1e-12; limit < 1e20; limit *= 1.1) {
      positive[n++] = limit;
    }
    positive[n++] = Double.MAX_VALUE;
    double[] limits = new double[2 * n + 1];
    for (int i = 0; i < n; i++) {
      limits[n - 1 - i] = -positive[i];
      limits[n + 1 + i] = positive[i];
    }
    return limits;
  }

  /**
   * Counts the elements of a tensor in TensorBoard's buckets, which grow by 10 % from ±1e-12 to
   * ±1e20. NaN and infinite elements are left out.
   *
   * @param x floating, of any shape
   * @throws IllegalArgumentException where its type is another
   */
  public static Histogram of(Tensor x) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException(
          "histogram: the tensor must be floating: " + x.describe() + "; convert it first");
    }
    double[] counts = new double[LIMITS.length];
    double min = Double.POSITIVE_INFINITY;
    double max = Double.NEGATIVE_INFINITY;
    double sum = 0;
    double sumSquares = 0;
    long count = 0;
    for (long first = 0; first < x.size(); first += CHUNK) {
      for (float value : chunk(x, first)) {
        if (Float.isFinite(value)) {
          counts[bucket(value)]++;
          min = Math.min(min, value);
          max = Math.max(max, value);
          sum += value;
          sumSquares += (double) value * value;
          count++;
        }
      }
    }
    return count == 0
        ? new Histogram(0, 0, 0, 0, 0, new double[] {Double.MAX_VALUE}, new double[1])
        : shortened(new Histogram(min, max, count, sum, sumSquares, LIMITS, counts));
  }

  private static float[] chunk(Tensor x, long first) {
    try (Tensor part = x.view(Shape.of(Math.min(CHUNK, x.size() - first)), first)) {
      return part.toFloats();
    }
  }

  /** The first bucket that ends behind a number. */
  private static int bucket(double value) {
    int found = Arrays.binarySearch(LIMITS, value);
    return found >= 0 ? found + 1 : -found - 1;
  }

  /** With each run of empty buckets as a single one, as TensorFlow writes it. */
  private static Histogram shortened(Histogram all) {
    double[] limits = new double[all.limits.length];
    double[] counts = new double[all.limits.length];
    int n = 0;
    for (int i = 0; i < limits.length; i++) {
      boolean goesOn = n > 0 && counts[n - 1] == 0 && all.counts[i] == 0;
      n += goesOn ? 0 : 1;
      limits[n - 1] = all.limits[i];
      counts[n - 1] = all.counts[i];
    }
    return new Histogram(
        all.min,
        all.max,
        all.count,
        all.sum,
        all.sumSquares,
        Arrays.copyOf(limits, n),
        Arrays.copyOf(counts, n));
  }
}
