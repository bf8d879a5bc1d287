package io.gradus.nn;

import io.gradus.op.ChannelNormalization;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * {@code y = (x - mean) / √(variance + epsilon) · weight + bias} with the mean and the variance of
 * each group of channels in each example (Wu and He 2018): from {@code (batch, channels, ...)} to
 * the same shape. With as many groups as channels it is instance normalization.
 *
 * <p>Its parameters are {@code weight (channels)}, ones at first, and {@code bias (channels)},
 * zeros.
 */
public final class GroupNorm extends Module {

  private final long groups;
  private final long channels;
  private final double epsilon;
  private final Tensor weight;
  private final Tensor bias;

  /** With weight and bias, and PyTorch's epsilon of 1e-5. */
  public GroupNorm(long groups, long channels, Device device) {
    this(groups, channels, 1e-5, true, device);
  }

  /** With settings of one's own; affine: whether there are a weight and a bias. */
  public GroupNorm(long groups, long channels, double epsilon, boolean affine, Device device) {
    if (groups < 1 || channels < 1 || channels % groups != 0) {
      throw new IllegalArgumentException(
          "groupNorm: groups must divide the channels: " + groups + " groups of " + channels);
    }
    this.groups = groups;
    this.channels = channels;
    this.epsilon = epsilon;
    Shape shape = Shape.of(channels);
    weight = affine ? parameter("weight", () -> Tensor.full(1, shape, DType.F32, device)) : null;
    bias = affine ? parameter("bias", () -> Init.zeros(shape, device)) : null;
  }

  @Override
  public Tensor forward(Tensor x) {
    return ChannelNormalization.groupNorm(x, groups, weight, bias, epsilon);
  }

  @Override
  protected String settings() {
    return "groups="
        + groups
        + ", channels="
        + channels
        + ", eps="
        + epsilon
        + (weight == null ? ", affine=false" : "");
  }
}
