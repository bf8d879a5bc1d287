package io.gradus.data;

import io.gradus.tensor.Seed;
import java.io.IOException;

/** Reads the batches of one epoch by their numbers, on any thread. */
final class EpochReader {

  private final Dataset data;
  private final long[] order; // null for the data's own
  private final Seed seed; // of the examples
  private final int batchSize;
  private final int part;
  private final int parts;

  EpochReader(Dataset data, long[] order, Seed seed, int batchSize, int part, int parts) {
    this.data = data;
    this.order = order;
    this.seed = seed;
    this.batchSize = batchSize;
    this.part = part;
    this.parts = parts;
  }

  /** The number of batches of each part. */
  static long count(long size, int batchSize, int parts, boolean dropLast) {
    long step = (long) batchSize * parts;
    return (size + (dropLast ? 0 : step - 1)) / step;
  }

  Batch read(long number) throws IOException {
    long size = order == null ? data.size() : order.length;
    // Parts take turns, batch by batch. The last turn is shared equally; where it does not come
    // out even, the first examples of the epoch come again, so that all have equally many steps.
    long turn = number * batchSize * parts;
    int examples = (int) Math.min(batchSize, (size - turn + parts - 1) / parts);
    long from = turn + (long) part * examples;
    long[] indices = new long[examples];
    Seed[] seeds = new Seed[examples];
    for (int i = 0; i < examples; i++) {
      long place = (from + i) % size;
      indices[i] = order == null ? place : order[(int) place];
      seeds[i] = seed.split(from + i);
    }
    Batch batch = data.batch(indices, seeds);
    if (batch.size() != examples) {
      batch.close();
      throw new IllegalStateException(
          "batches: the data set made "
              + batch.size()
              + " examples of "
              + examples
              + " numbers; a batch has one for each");
    }
    return batch;
  }
}
