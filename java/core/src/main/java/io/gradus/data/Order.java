package io.gradus.data;

import io.gradus.tensor.Seed;

/** In which order the examples of a data set are visited. */
final class Order {

  private Order() {}

  /** The numbers from 0 to {@code size}, exclusive. */
  static long[] indices(long size) {
    if (size > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("shuffle: too many examples for an array: " + size);
    }
    long[] indices = new long[(int) size];
    for (int i = 0; i < indices.length; i++) {
      indices[i] = i;
    }
    return indices;
  }

  /**
   * Shuffles in place (Fisher and Yates, in Durstenfeld's form), with {@link Seed#split} for random
   * numbers: no Java release can change the order, as it could with a generator of the JDK's.
   */
  static long[] shuffled(long[] indices, Seed seed) {
    for (int i = indices.length - 1; i > 0; i--) {
      int j = (int) Long.remainderUnsigned(seed.split(i).value(), i + 1L);
      long swapped = indices[i];
      indices[i] = indices[j];
      indices[j] = swapped;
    }
    return indices;
  }
}
