package io.gradus.nn;

import io.gradus.op.Convolution;
import io.gradus.op.ConvolutionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;

/**
 * A {@linkplain Convolution#conv2d convolution} of images: from {@code (batch, in, height, width)}
 * to {@code (batch, out, height', width')}.
 *
 * <p>Its parameters are {@code weight (out, in / groups, kernel height, kernel width)} and {@code
 * bias (out)}. Both begin uniform within {@code ±1 / √(in / groups · kernel size)}, as in PyTorch.
 */
public final class Conv2d extends ConvolutionLayer {

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
    super(
        "conv2d",
        Convolution::conv2d,
        in,
        out,
        new int[] {kernelHeight, kernelWidth},
        options,
        bias,
        device,
        seed);
  }
}
