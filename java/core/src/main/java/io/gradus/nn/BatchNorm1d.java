package io.gradus.nn;

import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;

/** {@link BatchNorm} of {@code (batch, channels) or (batch, channels, width)}. */
public final class BatchNorm1d extends BatchNorm {

  /** With weight and bias, PyTorch's epsilon of 1e-5 and its momentum of 0.1. */
  public BatchNorm1d(long channels, Device device) {
    this(channels, 1e-5, 0.1, true, device);
  }

  /**
   * With settings of one's own.
   *
   * @param epsilon is added to the variance
   * @param momentum how far each batch moves the running statistics, in [0, 1]; null for the
   *     average over all batches
   * @param affine whether there are a weight and a bias
   */
  public BatchNorm1d(
      long channels, double epsilon, Double momentum, boolean affine, Device device) {
    super(channels, epsilon, momentum, affine, device);
  }

  @Override
  void checkRank(Tensor x) {
    if (x.rank() != 2 && x.rank() != 3) {
      throw new IllegalArgumentException(
          "batchNorm1d: the input must be (batch, channels) or (batch, channels, width): "
              + x.shape());
    }
  }
}
