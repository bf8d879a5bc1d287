package io.gradus.data;

import io.gradus.tensor.Device;
import io.gradus.tensor.OutOfDeviceMemoryException;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Cleaner;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * A data set in batches, in another order in each epoch if it is to be shuffled.
 *
 * <pre>{@code
 * Batches batches = Batches.of(train, 32).shuffle(Seed.of(1)).prefetch(2, 8);
 * for (int epoch = 0; epoch < 10; epoch++) {
 *   for (Batch batch : batches) { ... }
 * }
 * }</pre>
 *
 * <p>Each loop over it is the next epoch; {@link #epoch} is one that is named. A batch is closed
 * when the loop goes on, to the next one or to its end, so that it needs the memory of one; copy
 * what is to last longer.
 *
 * <p>What fails while a batch is read comes out of {@code next()} when it is that batch's turn, an
 * {@link IOException} as an {@link UncheckedIOException} of the same message.
 */
public final class Batches implements BatchSource<Batch>, Iterable<Batch> {

  /** Stops the threads of an epoch that nobody went to the end of. */
  private static final Cleaner CLEANER = Cleaner.create();

  private final Dataset data;
  private final int batchSize;
  // Set once, by the method that made this one from another.
  private Order order; // null where the order stays
  private Seed seed = Seed.of(0);
  private boolean dropLast;
  private int part;
  private int parts = 1;
  private int threads;
  private int ahead = 1;
  private Device device; // null where they stay where the data is
  private long next;

  private Batches(Dataset data, int batchSize) {
    this.data = data;
    this.batchSize = batchSize;
  }

  /**
   * Batches of this size in the order of the data; the last one is smaller where they do not fit.
   */
  public static Batches of(Dataset data, int batchSize) {
    if (batchSize < 1) {
      throw new IllegalArgumentException("batches: the size must be positive: " + batchSize);
    }
    return new Batches(data, batchSize);
  }

  private Batches copy() {
    Batches copy = new Batches(data, batchSize);
    copy.order = order;
    copy.seed = seed;
    copy.dropLast = dropLast;
    copy.part = part;
    copy.parts = parts;
    copy.threads = threads;
    copy.ahead = ahead;
    copy.device = device;
    return copy;
  }

  /** Shuffled; the seed and the number of the epoch decide how. */
  public Batches shuffle(Seed seed) {
    return order(Order.shuffled(data.size()), seed);
  }

  /**
   * With other examples or another order in each epoch: {@link Order#weighted}, {@link
   * Order#stratified}, {@link Order#bucketed} or one of your own.
   *
   * @param seed with the number of the epoch it decides about the order and about what is random in
   *     the examples
   */
  public Batches order(Order order, Seed seed) {
    Batches copy = copy();
    copy.order = order;
    copy.seed = seed;
    return copy;
  }

  /** Without a last batch that is smaller than the others. */
  public Batches dropLast() {
    Batches copy = copy();
    copy.dropLast = true;
    return copy;
  }

  /**
   * One of several equal parts of each epoch, for processes that share the work. Step by step the
   * parts together have what batches {@code parts} times as large would have, and all have equally
   * many steps: where the last one does not come out even, the first examples come again, or with
   * {@link #dropLast} it is left out.
   *
   * @param part from 0 to {@code parts}, exclusive
   */
  public Batches shard(int part, int parts) {
    if (part < 0 || part >= parts) {
      throw new IllegalArgumentException("shard: there is no part " + part + " of " + parts);
    }
    Batches copy = copy();
    copy.part = part;
    copy.parts = parts;
    return copy;
  }

  /**
   * Read by threads of their own, while the model computes. The batches and their order are the
   * same for any number of threads, which end with the epoch. For data in memory it does nothing
   * useful.
   *
   * @param threads how many batches are read at a time; 0 reads each when it is asked for
   * @param ahead the most batches that are read before they are asked for
   */
  public Batches prefetch(int threads, int ahead) {
    if (threads < 0 || ahead < 1) {
      throw new IllegalArgumentException(
          "prefetch: needs 0 threads or more and 1 batch ahead or more: "
              + threads
              + " and "
              + ahead);
    }
    Batches copy = copy();
    copy.threads = threads;
    copy.ahead = ahead;
    return copy;
  }

  /** On the device of the model, wherever the data is. */
  public Batches to(Device device) {
    Batches copy = copy();
    copy.device = device;
    return copy;
  }

  @Override
  public long count() {
    return EpochReader.count(size(), batchSize, parts, dropLast);
  }

  private long size() {
    return order == null ? data.size() : order.size();
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
    EpochReader reader = reader(epoch);
    if (threads == 0) {
      return new Epoch(reader, null, from, count(), device);
    }
    Prefetch prefetch = new Prefetch(reader, from, count(), threads, ahead);
    Epoch begun = new Epoch(reader, prefetch, from, count(), device);
    CLEANER.register(begun, prefetch::stop);
    prefetch.start();
    return begun;
  }

  private EpochReader reader(long epoch) {
    long[] indices = order == null ? null : order.indices(batchSize, seed.split(epoch));
    if (indices != null && indices.length != order.size()) {
      throw new IllegalStateException(
          "batches: the order says that an epoch has "
              + order.size()
              + " examples and gives "
              + indices.length);
    }
    // Below 0 the seeds of the examples are no part of the one that the order is made from.
    Seed examples = seed.split(-1 - epoch);
    return new EpochReader(data, indices, examples, batchSize, part, parts);
  }

  private static final class Epoch implements BatchSource.Epoch<Batch> {
    private final EpochReader reader;
    private final Prefetch prefetch; // null where each is read when it is asked for
    private final long count;
    private final Device device;
    private long taken;
    private Batch current;
    private Object early; // what comes next, a Batch or what its reading threw; null for not yet
    private boolean closed;

    Epoch(EpochReader reader, Prefetch prefetch, long from, long count, Device device) {
      this.reader = reader;
      this.prefetch = prefetch;
      this.taken = from;
      this.count = count;
      this.device = device;
    }

    @Override
    public boolean hasNext() {
      boolean more = !closed && taken < count;
      if (!more) {
        close();
      }
      return more;
    }

    @Override
    public void close() {
      closed = true;
      closeCurrent();
      if (early instanceof Batch batch) {
        batch.close();
      }
      early = null;
      if (prefetch != null) {
        prefetch.close();
      }
    }

    private void closeCurrent() {
      if (current != null) {
        current.close();
        current = null;
      }
    }

    @Override
    public void prepare() {
      boolean more = !closed && taken < count; // hasNext() would close the last batch
      if (more && early == null && device != null && device != Device.cpu()) {
        early = Scope.outside(this::read);
        if (early instanceof Batch batch) {
          try {
            early = Scope.outside(() -> moved(batch));
          } catch (OutOfDeviceMemoryException e) {
            early = batch; // there is room when the one before it is closed
          }
        }
      }
    }

    @Override
    public Batch next() {
      if (!hasNext()) {
        throw new NoSuchElementException("batches: the epoch has no more than " + count);
      }
      closeCurrent();
      Object read = early == null ? read() : early;
      early = null;
      try {
        current = moved(batchOf(read));
      } catch (IOException e) {
        close();
        throw new UncheckedIOException(e.getMessage(), e);
      } catch (RuntimeException | Error e) {
        close();
        throw e;
      }
      taken++;
      return current;
    }

    /** The batch whose turn it is, or what its reading threw. */
    private Object read() {
      if (prefetch != null) {
        return prefetch.take(taken);
      }
      try {
        return reader.read(taken);
      } catch (IOException | RuntimeException | Error e) {
        return e;
      }
    }

    private static Batch batchOf(Object result) throws IOException {
      if (result instanceof Batch batch) {
        return batch;
      }
      if (result instanceof IOException e) {
        throw e;
      }
      if (result instanceof RuntimeException e) {
        throw e;
      }
      throw (Error) result;
    }

    private Batch moved(Batch batch) {
      if (device == null || device == batch.inputs().device()) {
        return batch;
      }
      Batch there = batch.to(device);
      batch.close();
      return there;
    }
  }
}
