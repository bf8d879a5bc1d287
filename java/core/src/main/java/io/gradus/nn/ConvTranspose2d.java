package io.gradus.nn;

import io.gradus.op.Convolution;
import io.gradus.op.ConvolutionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;

/**
 * A {@linkplain Convolution#convTranspose2d transposed convolution}, which makes images larger:
 * from {@code (batch, in, height, width)} to {@code (batch, out, height', width')}.
 *
 * <p>Its parameters are {@code weight (in, out / groups, kernel height, kernel width)} and {@code
 * bias (out)}. Both begin uniform within {@code ±1 / √(out / groups · kernel size)}, as in PyTorch.
 */
public final class ConvTranspose2d extends ConvolutionLayer {

  /** A layer with a square kernel, stride 1, no padding, and a bias. */
  public ConvTranspose2d(long in, long out, int kernel, Device device, Seed seed) {
    this(in, out, kernel, ConvolutionOptions.defaults(), true, device, seed);
  }

  /** A layer with a square kernel, with or without a bias. */
  public ConvTranspose2d(
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
  public ConvTranspose2d(
      long in,
      long out,
      int kernelHeight,
      int kernelWidth,
      ConvolutionOptions options,
      boolean bias,
      Device device,
      Seed seed) {
    super(
        "convTranspose2d",
        Convolution::convTranspose2d,
        in,
        out,
        new int[] {kernelHeight, kernelWidth},
        options,
        bias,
        device,
        seed);
  }
}
