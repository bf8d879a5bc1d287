package io.gradus.data;

import io.gradus.tensor.Seed;
import java.io.IOException;

/** Some of the examples of another data set. */
final class Subset implements Dataset {

  private final Dataset whole;
  private final long[] indices;

  Subset(Dataset whole, long[] indices) {
    for (long index : indices) {
      Index.check(index, whole.size());
    }
    this.whole = whole;
    this.indices = indices.clone();
  }

  @Override
  public long size() {
    return indices.length;
  }

  @Override
  public Batch batch(long[] numbers, Seed[] seeds) throws IOException {
    long[] there = new long[numbers.length];
    for (int i = 0; i < there.length; i++) {
      Index.check(numbers[i], indices.length);
      there[i] = indices[(int) numbers[i]];
    }
    return whole.batch(there, seeds);
  }
}
