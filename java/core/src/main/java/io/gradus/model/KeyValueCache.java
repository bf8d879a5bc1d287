package io.gradus.model;

import io.gradus.op.Attention;
import io.gradus.op.AttentionOptions;
import io.gradus.op.Shapes;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The keys and values of the tokens that a {@link Gpt} has read, so that the next token costs one
 * step and not a pass over all of them. For several sequences side by side, of any lengths.
 */
public final class KeyValueCache implements AutoCloseable {

  private final int capacity;
  private final List<Layer> layers = new ArrayList<>();
  private final int[] lengths;
  private final Tensor lengthsTensor;
  private int added; // by the call that runs

  /**
   * Room for sequences of up to {@code capacity} tokens.
   *
   * @param batch the number of sequences
   */
  public KeyValueCache(GptConfig config, int batch, int capacity, Device device) {
    if (batch < 1 || capacity < 1 || capacity > config.context()) {
      throw new IllegalArgumentException(
          "cache: needs a sequence, and room for 1 to "
              + config.context()
              + " tokens, the context: "
              + batch
              + " sequences of "
              + capacity);
    }
    this.capacity = capacity;
    this.lengths = new int[batch];
    Shape shape = Shape.of(batch, capacity, config.kvHeads(), config.head());
    for (int i = 0; i < config.layers(); i++) {
      layers.add(
          new Layer(
              config.heads(),
              Scope.outside(() -> Tensor.zeros(shape, DType.F32, device)),
              Scope.outside(() -> Tensor.zeros(shape, DType.F32, device))));
    }
    lengthsTensor = Scope.outside(() -> Tensor.zeros(Shape.of(batch), DType.I32, device));
  }

  private KeyValueCache(KeyValueCache all, int sequence) {
    capacity = all.capacity;
    lengths = new int[] {all.lengths[sequence]};
    for (Layer layer : all.layers) {
      Shape shape = layer.keys.shape().with(0, 1);
      long first = sequence * shape.size();
      layers.add(
          new Layer(layer.heads, layer.keys.view(shape, first), layer.values.view(shape, first)));
    }
    Device device = all.lengthsTensor.device();
    lengthsTensor = Scope.outside(() -> Tensor.zeros(Shape.of(1), DType.I32, device));
  }

  /** The number of sequences. */
  public int batch() {
    return lengths.length;
  }

  /** How many tokens of a sequence it holds. */
  public int length(int sequence) {
    return lengths[sequence];
  }

  /** How many tokens of a sequence it can hold. */
  public int capacity() {
    return capacity;
  }

  /**
   * Reads the first tokens of one sequence into it, while the others stay as they are.
   *
   * @param ids its tokens, of which there are none here yet
   * @return the scores of the next one, (1, vocabulary)
   */
  public Tensor read(Gpt model, int sequence, int[] ids) {
    lengths[sequence] = 0;
    try (KeyValueCache own = new KeyValueCache(this, sequence);
        Tensor row = Tensor.of(ids, 1, ids.length);
        Tensor there = row.to(lengthsTensor.device())) {
      Tensor scores = model.next(there, own);
      lengths[sequence] = ids.length;
      return scores;
    }
  }

  /** Forgets the tokens of a sequence from place {@code length} on. */
  public void truncate(int sequence, int length) {
    if (length < 0 || length > lengths[sequence]) {
      throw new IllegalArgumentException(
          "cache: cannot keep " + length + " of " + lengths[sequence] + " tokens");
    }
    lengths[sequence] = length;
  }

  /**
   * Makes each sequence a copy of another one, as beam search needs it.
   *
   * @param from for each sequence the number of the one whose tokens it takes
   */
  public void reorder(int[] from) {
    boolean same = true;
    for (int i = 0; i < from.length; i++) {
      same &= from[i] == i;
    }
    if (same) {
      return;
    }
    int[] old = lengths.clone();
    int longest = longest();
    for (int i = 0; i < from.length; i++) {
      lengths[i] = old[from[i]];
    }
    layers.forEach(layer -> layer.reorder(from, longest));
  }

  /** Frees its memory now. */
  @Override
  public void close() {
    layers.forEach(Layer::close);
    lengthsTensor.close();
  }

  // For the model

  void checkBatch(Tensor ids) {
    if (ids.rank() != 2 || ids.dim(0) != batch()) {
      throw new IllegalArgumentException(
          "cache: it holds " + batch() + " sequences: tokens are " + ids.describe());
    }
    if (longest() + ids.dim(1) > capacity) {
      throw new IllegalArgumentException(
          "cache: it has no room for more: "
              + (longest() + ids.dim(1))
              + " tokens, capacity "
              + capacity);
    }
  }

  int longest() {
    return Arrays.stream(lengths).max().orElse(0);
  }

  /** The positions of the tokens that come next, I32 (batch, time). */
  Tensor places(long time) {
    int[] places = new int[(int) (lengths.length * time)];
    for (int i = 0; i < places.length; i++) {
      places[i] = lengths[(int) (i / time)] + (int) (i % time);
    }
    return Tensor.of(places, lengths.length, time).to(lengthsTensor.device());
  }

  /** Counts tokens whose keys and values every layer adds in turn. */
  void grow(int time) {
    added = time;
    for (int i = 0; i < lengths.length; i++) {
      lengths[i] += time;
    }
    try (Tensor counts = Tensor.of(lengths.clone())) {
      lengthsTensor.copyFrom(counts);
    }
  }

  Tensor lengths() {
    return lengthsTensor;
  }

  Layer layer(int i) {
    return layers.get(i);
  }

  /** The last row of each sequence: (batch, time, width) to (batch, width). */
  static Tensor last(Tensor x) {
    long time = x.dim(1);
    if (time == 1) {
      return x.view(Shape.of(x.dim(0), x.dim(2)), 0);
    }
    Tensor y = Tensor.empty(Shape.of(x.dim(0), x.dim(2)), x.dtype(), x.device());
    for (long i = 0; i < x.dim(0); i++) {
      copy(x, (i * time + time - 1) * x.dim(2), y, i * x.dim(2), Shape.of(x.dim(2)));
    }
    return y;
  }

  private static void copy(Tensor x, long from, Tensor y, long to, Shape shape) {
    try (Tensor source = x.view(shape, from);
        Tensor place = y.view(shape, to)) {
      place.copyFrom(source);
    }
  }

  /** One block's keys and values, (batch, capacity, kvHeads, head) each. */
  final class Layer implements AutoCloseable {
    private final int heads;
    private final Tensor keys;
    private final Tensor values;

    Layer(int heads, Tensor keys, Tensor values) {
      this.heads = heads;
      this.keys = keys;
      this.values = values;
    }

    /**
     * Adds the keys and values of packed (batch, time, (heads + 2 · kvHeads) · head), and lets the
     * queries see all there are.
     *
     * @return (batch, time, heads · head)
     */
    Tensor attend(Tensor packed, AttentionOptions options) {
      long batch = packed.dim(0);
      long time = packed.dim(1);
      long kvHeads = keys.dim(2);
      long head = keys.dim(3);
      long width = heads * head;
      long part = kvHeads * head;
      Tensor q = Shapes.narrow(packed, -1, 0, width);
      Tensor k = Shapes.narrow(packed, -1, width, part);
      Tensor v = Shapes.narrow(packed, -1, width + part, part);
      Shape rows = Shape.of(time, kvHeads, head);
      for (int i = 0; i < batch; i++) {
        long to = (i * (long) capacity + lengths[i] - added) * part;
        copy(k, i * time * part, keys, to, rows);
        copy(v, i * time * part, values, to, rows);
      }
      Tensor queries = q.view(Shape.of(batch, time, heads, head), 0);
      Tensor y = Attention.attention(queries, keys, values, options);
      return y.view(Shape.of(batch, time, width), 0);
    }

    private void reorder(int[] from, int longest) {
      reorder(keys, from, longest);
      reorder(values, from, longest);
    }

    private void reorder(Tensor x, int[] from, int longest) {
      Shape used = Shape.of(longest, x.dim(2), x.dim(3));
      long row = x.shape().size(1, 4);
      try (Tensor old = x.copy()) {
        for (int i = 0; i < from.length; i++) {
          if (from[i] != i) {
            copy(old, from[i] * row, x, i * row, used);
          }
        }
      }
    }

    @Override
    public void close() {
      keys.close();
      values.close();
    }
  }
}
