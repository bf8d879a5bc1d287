package io.gradus.data;

import io.gradus.tensor.Seed;
import java.util.Arrays;
import java.util.Comparator;

/** Each example once, those of similar length in one batch. */
final class BucketedOrder implements Order {

  private static final int POOL = 100; // batches

  private final int[] lengths;

  BucketedOrder(int[] lengths) {
    this.lengths = lengths.clone();
  }

  @Override
  public long size() {
    return lengths.length;
  }

  @Override
  public long[] indices(int batchSize, Seed seed) {
    Long[] sorted =
        Arrays.stream(Permutation.of(size(), seed.split(0))).boxed().toArray(Long[]::new);
    int pool = (int) Math.min((long) POOL * batchSize, Math.max(sorted.length, 1));
    Comparator<Long> byLength = Comparator.comparingInt(i -> lengths[i.intValue()]);
    for (int from = 0; from < sorted.length; from += Math.min(pool, sorted.length - from)) {
      Arrays.sort(sorted, from, from + Math.min(pool, sorted.length - from), byLength);
    }
    int full = sorted.length / batchSize;
    long[] place = Permutation.of(full, seed.split(1));
    long[] order = new long[sorted.length];
    for (int i = 0; i < order.length; i++) {
      int batch = i / batchSize;
      int there = batch < full ? (int) place[batch] : batch; // the smaller one stays the last
      order[there * batchSize + i % batchSize] = sorted[i];
    }
    return order;
  }
}
