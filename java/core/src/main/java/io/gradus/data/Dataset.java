package io.gradus.data;

import io.gradus.op.Indexing;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Examples in memory: what a model sees and what it should answer.
 *
 * @param inputs (n, ...)
 * @param labels (n) for classes, (n, ...) for other targets
 */
public record Dataset(Tensor inputs, Tensor labels) {

  /** Two parts of a data set, which share its memory. */
  public record Split(Dataset train, Dataset test) {}

  /** Checks that there is one label for each input. */
  public Dataset {
    if (inputs.rank() < 1 || labels.rank() < 1 || inputs.dim(0) != labels.dim(0)) {
      throw new IllegalArgumentException(
          "dataset: there must be one label for each input: "
              + inputs.shape()
              + " and "
              + labels.shape());
    }
  }

  /**
   * Images as networks take them.
   *
   * @param images U8, (n, height, width) or (n, ...); they become F32 rows (n, height · width) from
   *     0 to 1
   * @param labels (n) of any type for integers; they become I64
   */
  public static Dataset ofImages(Tensor images, Tensor labels) {
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
      return new Dataset(
          scope.keep(Pointwise.div(pixels, 255)),
          labels.dtype() == DType.I64 ? labels : scope.keep(Pointwise.cast(labels, DType.I64)));
    }
  }

  /** The number of examples. */
  public long size() {
    return inputs.dim(0);
  }

  /** The examples in an order that the seed decides, copied. */
  public Dataset shuffle(Seed seed) {
    try (Tensor order = Tensor.of(Order.shuffled(Order.indices(size()), seed))) {
      return take(order);
    }
  }

  /** The examples of these numbers, I32 or I64, copied. */
  Dataset take(Tensor index) {
    return new Dataset(
        Indexing.takeRows(inputs, index.to(inputs.device())),
        Indexing.takeRows(labels, index.to(labels.device())));
  }

  /** The same examples on a device, whence batches come without a way to go. */
  public Dataset to(Device device) {
    return new Dataset(inputs.to(device), labels.to(device));
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
  Dataset slice(long from, long to) {
    return new Dataset(slice(inputs, from, to), slice(labels, from, to));
  }

  private static Tensor slice(Tensor x, long from, long to) {
    return x.view(x.shape().with(0, to - from), from * x.shape().size(1, x.rank()));
  }
}
