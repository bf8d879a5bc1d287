package io.gradus.data;

import io.gradus.tensor.Device;
import io.gradus.tensor.OutOfDeviceMemoryException;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.NoSuchElementException;
import java.util.SplittableRandom;

/**
 * Batches for a language model, each the same whenever it is asked for, so that a run can go on
 * where another one stopped.
 *
 * <pre>{@code
 * TokenBatches batches = TokenBatches.random(tokens, 8, 256, Seed.of(1));
 * for (long step = 0; step < 1000; step++) {
 *   try (TokenBatch batch = batches.get(step)) { ... }
 * }
 * }</pre>
 */
public final class TokenBatches implements BatchSource<TokenBatch> {

  /** The target of a token that nothing follows; {@code Losses.crossEntropy} leaves it out. */
  public static final int NO_TARGET = -100;

  private final Tokens tokens;
  private final int batch;
  private final int time;
  private final Seed seed; // null for one window after the other
  private final int endOfText; // -1 where rows are not cut into documents
  private final Device device;

  private TokenBatches(
      Tokens tokens, int batch, int time, Seed seed, int endOfText, Device device) {
    if (batch < 1 || time < 1) {
      throw new IllegalArgumentException(
          "batches: sizes must be positive: batch " + batch + ", time " + time);
    }
    if (tokens.size() < time + 1L) {
      throw new IllegalArgumentException(
          "batches: a row of "
              + time
              + " tokens and the one that follows are more than there are: "
              + tokens.size()
              + "; give more text or a shorter context");
    }
    this.tokens = tokens;
    this.batch = batch;
    this.time = time;
    this.seed = seed;
    this.endOfText = endOfText;
    this.device = device;
  }

  /** Rows that begin anywhere, as the seed and the number of the batch decide; without an end. */
  public static TokenBatches random(Tokens tokens, int batch, int time, Seed seed) {
    return new TokenBatches(tokens, batch, time, seed, -1, Device.cpu());
  }

  /** Rows one after the other, each token a target once; the rest that fills no row is left out. */
  public static TokenBatches inOrder(Tokens tokens, int batch, int time) {
    return new TokenBatches(tokens, batch, time, null, -1, Device.cpu());
  }

  /**
   * With the documents of each row told apart: where this token ends a text, the next begins
   * another, which neither sees it nor counts its positions on.
   */
  public TokenBatches documents(int endOfText) {
    return new TokenBatches(tokens, batch, time, seed, endOfText, device);
  }

  /** On the device of the model; without it they are on the CPU. */
  public TokenBatches to(Device device) {
    return new TokenBatches(tokens, batch, time, seed, endOfText, device);
  }

  /** The number of batches before they repeat; of random ones, those of an epoch. */
  @Override
  public long count() {
    return (rows() + batch - 1) / batch;
  }

  /** Of random ones, others in each epoch. */
  @Override
  public BatchSource.Epoch<TokenBatch> epoch(long epoch, long from) {
    if (epoch < 0 || from < 0 || from > count()) {
      throw new IllegalArgumentException(
          "batches: there are "
              + count()
              + " in an epoch: epoch "
              + epoch
              + " cannot begin at "
              + from);
    }
    return new Epoch(seed == null ? 0 : epoch * count(), from);
  }

  private final class Epoch implements BatchSource.Epoch<TokenBatch> {
    private final long first; // the number of the epoch's first batch
    private long taken;
    private TokenBatch current;
    private TokenBatch early; // the next one; null for not yet

    Epoch(long first, long from) {
      this.first = first;
      this.taken = from;
    }

    @Override
    public boolean hasNext() {
      return taken < count();
    }

    @Override
    public void prepare() {
      if (early == null && device != Device.cpu() && hasNext()) {
        try {
          early = Scope.outside(() -> get(first + taken));
        } catch (OutOfDeviceMemoryException e) {
          early = null; // there is room when the one before it is closed
        }
      }
    }

    @Override
    public TokenBatch next() {
      if (!hasNext()) {
        throw new NoSuchElementException("batches: the epoch has no more than " + count());
      }
      closeCurrent();
      current = early == null ? get(first + taken) : early;
      early = null;
      taken++;
      return current;
    }

    @Override
    public void close() {
      closeCurrent();
      if (early != null) {
        early.close();
        early = null;
      }
    }

    private void closeCurrent() {
      if (current != null) {
        current.close();
        current = null;
      }
    }
  }

  private long rows() {
    return (tokens.size() - 1) / time;
  }

  /** A batch by its number. In order, the last one has fewer rows where they do not fit. */
  public TokenBatch get(long number) {
    if (number < 0 || seed == null && number >= count()) {
      throw new IndexOutOfBoundsException(
          "batches: there is no batch " + number + " of " + count());
    }
    int rows = seed != null ? batch : (int) Math.min(batch, rows() - number * batch);
    int[] inputs = new int[rows * time];
    int[] targets = new int[rows * time];
    int[] row = new int[time + 1];
    SplittableRandom random =
        seed == null ? null : new SplittableRandom(seed.split(number).value());
    for (int i = 0; i < rows; i++) {
      long from =
          random == null ? (number * batch + i) * time : random.nextLong(tokens.size() - time);
      tokens.read(from, row);
      System.arraycopy(row, 0, inputs, i * time, time);
      System.arraycopy(row, 1, targets, i * time, time);
    }
    if (endOfText < 0) {
      return new TokenBatch(tensor(inputs, rows), tensor(targets, rows));
    }
    return withDocuments(inputs, targets, rows);
  }

  private TokenBatch withDocuments(int[] inputs, int[] targets, int rows) {
    int[] documents = new int[inputs.length];
    int[] positions = new int[inputs.length];
    for (int i = 0; i < inputs.length; i++) {
      boolean begins = i % time == 0 || inputs[i - 1] == endOfText;
      documents[i] = i % time == 0 ? 0 : documents[i - 1] + (begins ? 1 : 0);
      positions[i] = begins ? 0 : positions[i - 1] + 1;
      if (inputs[i] == endOfText) {
        targets[i] = NO_TARGET; // the next text does not follow from this one
      }
    }
    return new TokenBatch(
        tensor(inputs, rows),
        tensor(targets, rows),
        tensor(documents, rows),
        tensor(positions, rows));
  }

  private Tensor tensor(int[] ids, int rows) {
    Tensor read = Tensor.of(ids, rows, time);
    if (device == read.device()) {
      return read;
    }
    try (read) {
      return read.to(device);
    }
  }

  /**
   * Short texts laid one after the other into rows of the given length, in their order; a text that
   * does not fit into what is left of a row begins the next one, and one that is longer than a row
   * is cut. What stays free is filled with token 0 as a document that no target asks about.
   */
  public static TokenBatch pack(Iterable<int[]> texts, int time) {
    PackedRows rows = new PackedRows(time);
    texts.forEach(rows::add);
    return rows.batch();
  }
}
