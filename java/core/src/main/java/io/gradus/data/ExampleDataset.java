package io.gradus.data;

import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Examples that are made one by one when they are needed, by code of yours, and put together to
 * batches.
 *
 * <pre>{@code
 * Dataset data = ExampleDataset.of(files.size(), (i, seed) -> read(files.get((int) i)));
 * }</pre>
 */
public final class ExampleDataset implements Dataset {

  /** Makes an example by its number; several threads ask at once. */
  @FunctionalInterface
  public interface Reader {
    /**
     * Makes an example, on the CPU.
     *
     * @param index from 0 to the size of the data set, exclusive
     * @param seed what is random about the example follows from it
     */
    Example read(long index, Seed seed) throws IOException;
  }

  /** What fills shorter sequences. */
  private record Padding(double input, double target) {}

  private final long size;
  private final Reader reader;
  private final Padding padding; // null where all are of one shape

  private ExampleDataset(long size, Reader reader, Padding padding) {
    this.size = size;
    this.reader = reader;
    this.padding = padding;
  }

  /** As many examples, whose inputs have one shape, and so have their targets. */
  public static ExampleDataset of(long size, Reader reader) {
    if (size < 0) {
      throw new IllegalArgumentException("examples: the size must not be negative: " + size);
    }
    return new ExampleDataset(size, reader, null);
  }

  /**
   * For inputs whose first axis is of different length, such as sequences: in a batch they are as
   * long as the longest, and {@link Batch#lengths} says how long they were. Targets with axes are
   * padded likewise.
   *
   * @param input what fills inputs
   * @param target what fills targets, such as {@link TokenBatches#NO_TARGET}
   */
  public ExampleDataset padded(double input, double target) {
    return new ExampleDataset(size, reader, new Padding(input, target));
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Batch batch(long[] indices, Seed[] seeds) throws IOException {
    if (indices.length == 0) {
      throw new IllegalArgumentException("examples: without any there is no shape for a batch");
    }
    // The examples are made in this scope, and freed with it.
    try (Scope scope = Scope.open()) {
      Example[] examples = new Example[indices.length];
      for (int i = 0; i < examples.length; i++) {
        Index.check(indices[i], size);
        examples[i] = reader.read(indices[i], seeds[i]);
      }
      List<Tensor> inputs = Stream.of(examples).map(Example::input).toList();
      List<Tensor> targets = Stream.of(examples).map(Example::target).toList();
      if (padding == null) {
        return new Batch(
            scope.keep(stack("inputs", inputs, indices)),
            scope.keep(stack("targets", targets, indices)));
      }
      int[] lengths = inputs.stream().mapToInt(x -> (int) length(x)).toArray();
      return new Batch(
          scope.keep(pad("inputs", inputs, padding.input, indices)),
          scope.keep(pad("targets", targets, padding.target, indices)),
          scope.keep(Tensor.of(lengths)));
    }
  }

  private static long length(Tensor x) {
    if (x.rank() == 0) {
      throw new IllegalArgumentException("examples: an input without axes cannot be padded");
    }
    return x.dim(0);
  }

  private static Tensor stack(String what, List<Tensor> parts, long... indices) {
    Tensor batch = empty(parts, parts.get(0).shape());
    copy(what, parts, Tensor::shape, batch, indices);
    return batch;
  }

  private static Tensor pad(String what, List<Tensor> parts, double value, long... indices) {
    if (parts.get(0).rank() == 0) {
      return stack(what, parts, indices);
    }
    long longest = parts.stream().mapToLong(ExampleDataset::length).max().orElse(0);
    Tensor batch = empty(parts, parts.get(0).shape().with(0, longest)).fill(value);
    copy(what, parts, x -> x.shape().with(0, longest), batch, indices);
    return batch;
  }

  private static Tensor empty(List<Tensor> parts, Shape shape) {
    long[] dims = new long[shape.rank() + 1];
    dims[0] = parts.size();
    System.arraycopy(shape.toArray(), 0, dims, 1, shape.rank());
    return Tensor.empty(Shape.of(dims), parts.get(0).dtype(), Device.cpu());
  }

  private static void copy(
      String what,
      List<Tensor> parts,
      Function<Tensor, Shape> place,
      Tensor batch,
      long... indices) {
    Shape shape = batch.shape().without(0);
    for (int i = 0; i < parts.size(); i++) {
      Tensor part = parts.get(i);
      if (part.dtype() != batch.dtype()
          || part.rank() != shape.rank()
          || !place.apply(part).equals(shape)) {
        throw new IllegalArgumentException(
            "examples: "
                + what
                + " differ: "
                + parts.get(0).describe()
                + " of example "
                + indices[0]
                + " and "
                + part.describe()
                + " of example "
                + indices[i]
                + "; make them equal, or for sequences call padded()");
      }
      try (Tensor there = batch.view(part.shape(), i * shape.size())) {
        there.copyFrom(part);
      }
    }
  }
}
