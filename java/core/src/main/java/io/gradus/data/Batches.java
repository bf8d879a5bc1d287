package io.gradus.data;

import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * A data set in batches, in another order in each epoch if it is to be shuffled.
 *
 * <pre>{@code
 * Batches batches = Batches.of(train, 32).shuffle(Seed.of(1));
 * for (int epoch = 0; epoch < 10; epoch++) {
 *   for (Batch batch : batches) { ... }
 * }
 * }</pre>
 *
 * <p>Each loop over it is the next epoch; {@link #epoch} is one that is named. A batch is closed
 * when the loop goes on, to the next one or to its end, so that it needs the memory of one; copy
 * what is to last longer.
 */
public final class Batches implements BatchSource<Batch>, Iterable<Batch> {

  private final Dataset data;
  private final int batchSize;
  private final Seed seed; // null where the order stays
  private final boolean dropLast;
  private final Device device; // null where they stay where the data is
  private long next;

  private Batches(Dataset data, int batchSize, Seed seed, boolean dropLast, Device device) {
    this.data = data;
    this.batchSize = batchSize;
    this.seed = seed;
    this.dropLast = dropLast;
    this.device = device;
  }

  /**
   * Batches of this size in the order of the data; the last one is smaller where they do not fit.
   */
  public static Batches of(Dataset data, int batchSize) {
    if (batchSize < 1) {
      throw new IllegalArgumentException("batches: the size must be positive: " + batchSize);
    }
    return new Batches(data, batchSize, null, false, null);
  }

  /** Shuffled; the seed and the number of the epoch decide how. */
  public Batches shuffle(Seed seed) {
    return new Batches(data, batchSize, seed, dropLast, device);
  }

  /** Without a last batch that is smaller than the others. */
  public Batches dropLast() {
    return new Batches(data, batchSize, seed, true, device);
  }

  /** On the device of the model, wherever the data is. */
  public Batches to(Device device) {
    return new Batches(data, batchSize, seed, dropLast, device);
  }

  @Override
  public long count() {
    return (data.size() + (dropLast ? 0 : batchSize - 1)) / batchSize;
  }

  /** The batches of the next epoch, counted from 0. */
  @Override
  public Iterator<Batch> iterator() {
    return epoch(next++).iterator();
  }

  /** The batches of one epoch, the same each time. */
  public Iterable<Batch> epoch(long epoch) {
    return () -> epoch(epoch, 0);
  }

  @Override
  public BatchSource.Epoch<Batch> epoch(long epoch, long from) {
    if (from < 0 || from > count()) {
      throw new IllegalArgumentException(
          "batches: there are " + count() + " in an epoch: it cannot begin at " + from);
    }
    return new Epoch(seed == null ? null : order(epoch), from);
  }

  private long[] order(long epoch) {
    return Order.shuffled(Order.indices(data.size()), seed.split(epoch));
  }

  private final class Epoch implements BatchSource.Epoch<Batch> {
    private final long[] order; // null for the data's own
    private long taken;
    private Batch current;

    Epoch(long[] order, long from) {
      this.order = order;
      this.taken = from;
    }

    @Override
    public boolean hasNext() {
      boolean more = taken < count();
      if (!more) {
        close();
      }
      return more;
    }

    @Override
    public void close() {
      if (current != null) {
        current.close();
      }
    }

    @Override
    public Batch next() {
      if (!hasNext()) {
        throw new NoSuchElementException("batches: the epoch has no more than " + count());
      }
      close();
      long from = batchSize * taken++;
      long to = Math.min(from + batchSize, data.size());
      Dataset rows = order == null ? data.slice(from, to) : shuffled((int) from, (int) to);
      current = moved(new Batch(rows.inputs(), rows.labels()));
      return current;
    }

    private Batch moved(Batch batch) {
      if (device == null || device == batch.inputs().device()) {
        return batch;
      }
      try (batch) {
        return batch.to(device);
      }
    }

    private Dataset shuffled(int from, int to) {
      try (Tensor index = Tensor.of(Arrays.copyOfRange(order, from, to))) {
        return data.take(index);
      }
    }
  }
}
