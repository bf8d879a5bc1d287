package io.gradus.data;

/** Numbers of examples. */
final class Index {

  private Index() {}

  /** Refuses the number of an example that there is not. */
  static void check(long index, long size) {
    if (index < 0 || index >= size) {
      throw new IndexOutOfBoundsException(
          "dataset: there is no example " + index + ": there are " + size);
    }
  }
}
