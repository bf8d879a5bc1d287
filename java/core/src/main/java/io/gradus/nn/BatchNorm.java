package io.gradus.nn;

import io.gradus.op.ChannelNormalization;
import io.gradus.op.ChannelNormalization.Running;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * {@code y = (x - mean) / √(variance + epsilon) · weight + bias} for each channel, the second axis
 * (Ioffe and Szegedy 2015). In training, mean and variance are those of the batch, and the running
 * ones move towards them; in evaluation they are the running ones.
 *
 * <p>Its parameters are {@code weight (channels)}, ones at first, and {@code bias (channels)},
 * zeros; its buffers {@code running_mean (channels)}, zeros at first, {@code running_var
 * (channels)}, ones, and {@code num_batches_tracked}, a count of type I64: PyTorch's names.
 *
 * <p>Replays of a graph move the running statistics as other steps do. A checkpointed part of a
 * forward pass, which is computed twice, moves them once.
 */
public abstract sealed class BatchNorm extends Module permits BatchNorm1d, BatchNorm2d {

  private final long channels;
  private final double epsilon;
  private final Double momentum;
  private final Tensor weight;
  private final Tensor bias;
  private final Running running;

  BatchNorm(long channels, double epsilon, Double momentum, boolean affine, Device device) {
    if (channels < 1) {
      throw new IllegalArgumentException("batchNorm: channels must be positive: " + channels);
    }
    if (!(epsilon >= 0)) {
      throw new IllegalArgumentException("batchNorm: eps must not be negative: " + epsilon);
    }
    if (momentum != null && !(momentum >= 0 && momentum <= 1)) {
      throw new IllegalArgumentException(
          "batchNorm: the momentum must lie in [0, 1], or be null for an average: " + momentum);
    }
    Shape shape = Shape.of(channels);
    this.channels = channels;
    this.epsilon = epsilon;
    this.momentum = momentum;
    weight = affine ? parameter("weight", () -> ones(shape, device)) : null;
    bias = affine ? parameter("bias", () -> Init.zeros(shape, device)) : null;
    running =
        new Running(
            buffer("running_mean", () -> Init.zeros(shape, device)),
            buffer("running_var", () -> ones(shape, device)),
            buffer("num_batches_tracked", () -> Tensor.zeros(Shape.of(), DType.I64, device)));
  }

  private static Tensor ones(Shape shape, Device device) {
    return Tensor.full(1, shape, DType.F32, device);
  }

  /**
   * The normalized input, of the same shape.
   *
   * @throws IllegalArgumentException where the input has another rank or other channels, or, in
   *     training, a channel has one value
   */
  @Override
  public final Tensor forward(Tensor x) {
    checkRank(x);
    return isTraining()
        ? ChannelNormalization.batchNorm(
            x, weight, bias, running, momentum == null ? -1 : momentum, epsilon)
        : ChannelNormalization.batchNormApply(
            x, weight, bias, running.mean(), running.variance(), epsilon);
  }

  abstract void checkRank(Tensor x);

  /** The weight, {@code (channels)}; null where it is not affine. */
  public final Tensor weight() {
    return weight;
  }

  /** The bias, {@code (channels)}; null where it is not affine. */
  public final Tensor bias() {
    return bias;
  }

  /** The statistics that evaluation uses. */
  public final Running running() {
    return running;
  }

  @Override
  protected final String settings() {
    return "channels="
        + channels
        + ", eps="
        + epsilon
        + ", momentum="
        + momentum
        + (weight == null ? ", affine=false" : "");
  }
}
