package io.gradus.nn;

import io.gradus.op.Convolution;
import io.gradus.op.ConvolutionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * A {@linkplain Convolution#conv2d convolution} of images: from {@code (batch, in, height, width)}
 * to {@code (batch, out, height', width')}.
 *
 * <p>Its parameters are {@code weight (out, in / groups, kernel height, kernel width)} and {@code
 * bias (out)}. Both begin uniform within {@code ±1 / √(in / groups · kernel size)}, as in PyTorch.
 */
public final class Conv2d extends Module {

  private final Kernels kernels;
  private final ConvolutionOptions options;

  /** A layer with a square kernel, stride 1, no padding, and a bias. */
  public Conv2d(long in, long out, int kernel, Device device, Seed seed) {
    this(in, out, kernel, ConvolutionOptions.defaults(), true, device, seed);
  }

  /** A layer with a square kernel, with or without a bias. */
  public Conv2d(
      long in,
      long out,
      int kernel,
      ConvolutionOptions options,
      boolean bias,
      Device device,
      Seed seed) {
    this(in, out, kernel, kernel, options, bias, device, seed);
  }

  /** A layer with or without a bias. */
  public Conv2d(
      long in,
      long out,
      int kernelHeight,
      int kernelWidth,
      ConvolutionOptions options,
      boolean bias,
      Device device,
      Seed seed) {
    this.options = options;
    Kernels.Sizes sizes =
        new Kernels.Sizes("conv2d", in, out, options.groups(), kernelHeight, kernelWidth);
    kernels =
        new Kernels(
            sizes,
            options,
            parameter("weight", () -> sizes.weight(seed, device)),
            bias ? parameter("bias", () -> sizes.bias(seed, device)) : null);
  }

  @Override
  public Tensor forward(Tensor x) {
    return Convolution.conv2d(x, kernels.weight(), kernels.bias(), options);
  }

  /** The weight, {@code (out, in / groups, kernel height, kernel width)}. */
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
