package io.gradus.op;

import io.gradus.tensor.Tensor;

/**
 * What becomes of the losses of a batch. It scales the gradient, so a learning rate that suits one
 * does not suit another; textbooks and libraries differ in it.
 */
public enum Reduction {

  /** Their mean: of all elements where the loss has one for each, else of all examples. */
  MEAN,

  /** Their sum. */
  SUM,

  /** Each of them. */
  NONE,

  /**
   * Half their sum. With {@link Losses#mse} it is {@code ½ Σ (y - t)²}, whose gradient is {@code y
   * - t}: the loss with which most textbooks derive back-propagation.
   */
  HALF_SUM,

  /** Their sum by the size of the first axis, the number of examples. */
  BATCH_MEAN;

  Tensor of(Tensor losses) {
    return switch (this) {
      case MEAN -> Reductions.mean(losses);
      case SUM -> Reductions.sum(losses);
      case NONE -> losses;
      case HALF_SUM -> Pointwise.mul(Reductions.sum(losses), 0.5);
      case BATCH_MEAN -> Pointwise.mul(Reductions.sum(losses), 1.0 / batch(losses));
    };
  }

  /** How many examples there are; a scalar is one. */
  static double batch(Tensor x) {
    return x.rank() == 0 ? 1 : x.dim(0);
  }
}
