package io.gradus.data;

import io.gradus.tensor.Seed;

/** Numbers in an order that a seed decides. */
final class Permutation {

  private Permutation() {}

  /** The numbers from 0 to {@code size}, exclusive. */
  static long[] identity(long size) {
    if (size > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("shuffle: too many examples for an array: " + size);
    }
    long[] indices = new long[(int) size];
    for (int i = 0; i < indices.length; i++) {
      indices[i] = i;
    }
    return indices;
  }

  /** The numbers from 0 to {@code size}, exclusive, shuffled. */
  static long[] of(long size, Seed seed) {
    return shuffle(identity(size), seed);
  }

  /**
   * Shuffles in place (Fisher and Yates, in Durstenfeld's form), with {@link Seed#split} for random
   * numbers: no Java release can change the order, as it could with a generator of the JDK's.
   */
  static long[] shuffle(long[] indices, Seed seed) {
    return shuffle(indices, 0, indices.length, seed);
  }

  /** Shuffles the numbers of one range in place. */
  static long[] shuffle(long[] indices, int from, int to, Seed seed) {
    for (int i = to - from - 1; i > 0; i--) {
      int j = (int) Long.remainderUnsigned(seed.split(i).value(), i + 1L);
      long swapped = indices[from + i];
      indices[from + i] = indices[from + j];
      indices[from + j] = swapped;
    }
    return indices;
  }
}
