package io.gradus.data;

import io.gradus.tensor.Seed;
import java.io.IOException;

/**
 * The records of a file by number, each read when it is asked for, so that a file can be larger
 * than memory. Several threads may read at once.
 *
 * @param <T> what a record is
 */
public interface Records<T> extends AutoCloseable {

  /** Makes an example of a record. */
  @FunctionalInterface
  interface Mapping<T> {
    /**
     * Makes an example.
     *
     * @param seed what is random about the example follows from it
     */
    Example apply(T value, Seed seed) throws IOException;
  }

  /** The number of records. */
  long size();

  /**
   * Reads a record.
   *
   * @throws IOException that names the file and the record where it is broken
   * @throws IndexOutOfBoundsException where there is no such record
   */
  T get(long number) throws IOException;

  /** The records as examples, read when they are needed. */
  default ExampleDataset examples(Mapping<T> mapping) {
    return ExampleDataset.of(size(), (index, seed) -> mapping.apply(get(index), seed));
  }

  /** Closes the file. */
  @Override
  void close() throws IOException;
}
