package io.gradus.data;

import io.gradus.tensor.Seed;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Numbered examples: what a model sees and what it should answer, in memory as in a {@link
 * TensorDataset} or read when they are needed as in an {@link ExampleDataset}.
 *
 * <p>{@link Batches} asks for many at a time and from several threads at once, so that one is not
 * changed by reading.
 */
public interface Dataset {

  /** The number of examples. */
  long size();

  /**
   * Reads some examples, in the order that is asked for, on as many threads as call it.
   *
   * @param indices numbers from 0 to {@link #size()}, exclusive; one may come twice
   * @param seeds one for each: what is random about an example follows from its seed alone
   * @return a batch of its own memory, which the caller closes, or of shared memory that is never
   *     written
   */
  Batch batch(long[] indices, Seed[] seeds) throws IOException;

  /** Reads some examples; what is random about them depends on their numbers. */
  default Batch batch(long... indices) throws IOException {
    Seed[] seeds = new Seed[indices.length];
    for (int i = 0; i < seeds.length; i++) {
      seeds[i] = Seed.of(0).split(indices[i]);
    }
    return batch(indices, seeds);
  }

  /**
   * Reads all examples into memory, padded ones to the longest of all.
   *
   * @throws IllegalArgumentException where there are none and they would say how an input looks
   */
  default TensorDataset load() throws IOException {
    Batch all = batch(Permutation.identity(size()));
    return new TensorDataset(all.inputs(), all.targets());
  }

  /** The examples of these numbers, which become 0, 1, 2, ...; nothing is read or copied. */
  default Dataset subset(long... indices) {
    return new Subset(this, indices);
  }

  /**
   * Parts with these shares of the examples, such as 0.8, 0.1, 0.1 to train, validate and test;
   * which ones they are the seed decides. To have the shares of each class as well use {@link
   * Splits#stratified}.
   *
   * @throws IllegalArgumentException where the shares are not positive or their sum is not 1
   */
  default List<Dataset> split(Seed seed, double... shares) {
    List<Dataset> parts = new ArrayList<>();
    Splits.random(size(), seed, shares).forEach(indices -> parts.add(subset(indices)));
    return parts;
  }
}
