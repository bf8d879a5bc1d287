package io.gradus.data;

import io.gradus.op.Indexing;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * Examples in memory.
 *
 * @param inputs (n, ...)
 * @param labels (n) for classes, (n, ...) for other targets
 */
public record TensorDataset(Tensor inputs, Tensor labels) implements Dataset {

  /** Two parts of a data set, which share its memory. */
  public record Split(TensorDataset train, TensorDataset test) {}

  /** Checks that there is one label for each input. */
  public TensorDataset {
    if (inputs.rank() < 1 || labels.rank() < 1 || inputs.dim(0) != labels.dim(0)) {
      throw new IllegalArgumentException(
          "dataset: there must be one label for each input: "
              + inputs.shape()
              + " and "
              + labels.shape());
    }
  }

  /**
   * Images as a multilayer perceptron takes them; for convolutions see {@link ImageDataset#of}.
   *
   * @param images U8, (n, height, width) or (n, ...); they become F32 rows (n, height · width) from
   *     0 to 1
   * @param labels (n) of any type for integers; they become I64
   */
  public static TensorDataset ofImages(Tensor images, Tensor labels) {
    if (images.dtype() != DType.U8 || images.rank() < 1 || labels.dtype().isFloating()) {
      throw new IllegalArgumentException(
          "dataset: images must be u8 (n, ...), labels integers: "
              + images.describe()
              + " and "
              + labels.describe());
    }
    try (Scope scope = Scope.open()) {
      Shape rows = Shape.of(images.dim(0), images.shape().size(1, images.rank()));
      Tensor pixels = Pointwise.cast(images.view(rows, 0), DType.F32);
      return new TensorDataset(
          scope.keep(Pointwise.div(pixels, 255)),
          labels.dtype() == DType.I64 ? labels : scope.keep(Pointwise.cast(labels, DType.I64)));
    }
  }

  @Override
  public long size() {
    return inputs.dim(0);
  }

  /**
   * The class of each example, for {@link Order#stratified} and {@link Splits#stratified}.
   *
   * @throws IllegalArgumentException where the labels are not I32 or I64 of shape (n)
   */
  public long[] classes() {
    if (labels.rank() != 1 || !labels.dtype().isIndex()) {
      throw new IllegalArgumentException(
          "dataset: classes are labels i32 or i64 (n): " + labels.describe());
    }
    return labels.dtype() == DType.I64
        ? labels.toLongs()
        : Arrays.stream(labels.toInts()).asLongStream().toArray();
  }

  /** Examples that follow one another share the memory of the data set; others are copied. */
  @Override
  public Batch batch(long[] indices, Seed[] seeds) {
    for (long index : indices) {
      Index.check(index, size());
    }
    TensorDataset rows = areConsecutive(indices) ? range(indices) : take(indices);
    return new Batch(rows.inputs, rows.labels);
  }

  private static boolean areConsecutive(long[] indices) {
    for (int i = 1; i < indices.length; i++) {
      if (indices[i] != indices[0] + i) {
        return false;
      }
    }
    return true;
  }

  private TensorDataset range(long[] indices) {
    long from = indices.length == 0 ? 0 : indices[0];
    return slice(from, from + indices.length);
  }

  /** The examples in an order that the seed decides, copied. */
  public TensorDataset shuffle(Seed seed) {
    return take(Permutation.of(size(), seed));
  }

  private TensorDataset take(long[] indices) {
    try (Tensor index = Tensor.of(indices)) {
      return new TensorDataset(takeRows(inputs, index), takeRows(labels, index));
    }
  }

  private static Tensor takeRows(Tensor x, Tensor index) {
    if (x.device() == index.device()) {
      return Indexing.takeRows(x, index);
    }
    try (Tensor there = index.to(x.device())) {
      return Indexing.takeRows(x, there);
    }
  }

  /** The same examples on a device, whence batches come without a way to go. */
  public TensorDataset to(Device device) {
    return new TensorDataset(inputs.to(device), labels.to(device));
  }

  /**
   * The first {@code train} examples and the others.
   *
   * @throws IllegalArgumentException where there are not that many
   */
  public Split split(long train) {
    if (train < 0 || train > size()) {
      throw new IllegalArgumentException(
          "split: needs a number from 0 to " + size() + ", the number of examples: " + train);
    }
    return new Split(slice(0, train), slice(train, size()));
  }

  /** The examples of one range, sharing memory. */
  private TensorDataset slice(long from, long to) {
    return new TensorDataset(slice(inputs, from, to), slice(labels, from, to));
  }

  private static Tensor slice(Tensor x, long from, long to) {
    return x.view(x.shape().with(0, to - from), from * x.shape().size(1, x.rank()));
  }
}
