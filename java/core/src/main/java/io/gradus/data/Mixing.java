package io.gradus.data;

import io.gradus.op.Indexing;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/** What mixup and cutmix have in common: examples meet others of their batch. */
final class Mixing {

  private Mixing() {}

  static void check(String op, double alpha, int classes) {
    if (!(alpha > 0 && alpha < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(op + ": alpha must be above 0: " + alpha);
    }
    if (classes < 1) {
      throw new IllegalArgumentException(
          op + ": the number of classes must be positive: " + classes);
    }
  }

  static void checkInputs(String op, Batch batch) {
    if (!batch.inputs().dtype().isFloating()) {
      throw new IllegalArgumentException(
          op
              + ": inputs must be f32, bf16 or f16: "
              + batch.inputs().describe()
              + "; cast them first");
    }
  }

  /** For each example of a batch the number of the one that it meets. */
  static Tensor partners(Batch batch, Seed seed) {
    long[] order = Permutation.of(batch.size(), seed);
    return Tensor.of(order).to(batch.inputs().device());
  }

  /** Targets (n) of numbers, or (n, classes) of probabilities, as the latter, in F32. */
  static Tensor soft(String op, Tensor targets, int classes) {
    if (targets.rank() == 1 && targets.dtype().isIndex()) {
      return Indexing.oneHot(targets, classes);
    }
    if (targets.rank() == 2 && targets.dim(1) == classes && targets.dtype().isFloating()) {
      return Pointwise.cast(targets, DType.F32);
    }
    throw new IllegalArgumentException(
        op
            + ": targets must be classes (n) or probabilities (n, "
            + classes
            + "): "
            + targets.describe());
  }

  /** {@code share · x + (1 - share) · x[partners]}. */
  static Tensor mix(Tensor x, Tensor partners, double share) {
    Tensor others = Pointwise.mul(Indexing.takeRows(x, partners), 1 - share);
    return Pointwise.add(Pointwise.mul(x, share), others);
  }

  /** Frees all but two tensors with the scope that they were made in. */
  static Batch keep(Scope scope, Tensor inputs, Tensor targets) {
    return new Batch(scope.keep(inputs), scope.keep(targets));
  }
}
