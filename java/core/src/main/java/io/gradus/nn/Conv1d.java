package io.gradus.nn;

import io.gradus.op.Convolution;
import io.gradus.op.ConvolutionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * A {@linkplain Convolution#conv1d convolution} of sequences: from {@code (batch, in, width)} to
 * {@code (batch, out, width')}.
 *
 * <p>Its parameters are {@code weight (out, in / groups, kernel)} and {@code bias (out)}. Both
 * begin uniform within {@code ±1 / √(in / groups · kernel size)}, as in PyTorch.
 */
public final class Conv1d extends Module {

  private final Kernels kernels;
  private final ConvolutionOptions options;

  /** A layer with stride 1, no padding, and a bias. */
  public Conv1d(long in, long out, int kernel, Device device, Seed seed) {
    this(in, out, kernel, ConvolutionOptions.defaults(), true, device, seed);
  }

  /** A layer with or without a bias. */
  public Conv1d(
      long in,
      long out,
      int kernel,
      ConvolutionOptions options,
      boolean bias,
      Device device,
      Seed seed) {
    this.options = options;
    Kernels.Sizes sizes = new Kernels.Sizes("conv1d", in, out, options.groups(), kernel);
    kernels =
        new Kernels(
            sizes,
            options,
            parameter("weight", () -> sizes.weight(seed, device)),
            bias ? parameter("bias", () -> sizes.bias(seed, device)) : null);
  }

  @Override
  public Tensor forward(Tensor x) {
    return Convolution.conv1d(x, kernels.weight(), kernels.bias(), options);
  }

  /** The weight, {@code (out, in / groups, kernel)}. */
  public Tensor weight() {
    return kernels.weight();
  }

  /** The bias, {@code (out)}; null where there is none. */
  public Tensor bias() {
    return kernels.bias();
  }

  @Override
  protected String settings() {
    return kernels.settings();
  }
}
