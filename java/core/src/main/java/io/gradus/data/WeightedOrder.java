package io.gradus.data;

import io.gradus.tensor.Seed;

/** Examples drawn with replacement, by inverting the cumulative sum of their weights. */
final class WeightedOrder implements Order {

  private final double[] sums; // of the weights up to each example, itself included
  private final int size;

  WeightedOrder(double[] weights, long size) {
    if (size < 0 || size > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "weighted: an epoch has from 0 to " + (Integer.MAX_VALUE - 8) + " examples: " + size);
    }
    sums = new double[weights.length];
    double sum = 0;
    for (int i = 0; i < sums.length; i++) {
      if (!(weights[i] >= 0)) {
        throw new IllegalArgumentException(
            "weighted: weights must not be negative: " + weights[i] + " of example " + i);
      }
      sum += weights[i];
      sums[i] = sum;
    }
    if (!(sum > 0 && sum < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "weighted: the sum of the weights must be positive and finite: " + sum);
    }
    this.size = (int) size;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public long[] indices(int batchSize, Seed seed) {
    long[] indices = new long[size];
    for (int i = 0; i < size; i++) {
      indices[i] = firstAbove(seed.uniform(i) * sums[sums.length - 1]);
    }
    return indices;
  }

  /** The first example whose sum is above a number, so that one of weight 0 never is. */
  private int firstAbove(double x) {
    int low = 0;
    int high = sums.length - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (sums[middle] > x) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
