package io.gradus.data;

import io.gradus.tensor.Seed;

/** Each example once. */
record ShuffledOrder(long size) implements Order {

  @Override
  public long[] indices(int batchSize, Seed seed) {
    return Permutation.of(size, seed);
  }
}
