package io.gradus.nn;

import io.gradus.op.Convolution;
import io.gradus.op.ConvolutionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;

/**
 * A {@linkplain Convolution#convTranspose1d transposed convolution}, which makes sequences longer:
 * from {@code (batch, in, width)} to {@code (batch, out, width')}.
 *
 * <p>Its parameters are {@code weight (in, out / groups, kernel)} and {@code bias (out)}. Both
 * begin uniform within {@code ±1 / √(out / groups · kernel size)}, as in PyTorch.
 */
public final class ConvTranspose1d extends ConvolutionLayer {

  /** A layer with stride 1, no padding, and a bias. */
  public ConvTranspose1d(long in, long out, int kernel, Device device, Seed seed) {
    this(in, out, kernel, ConvolutionOptions.defaults(), true, device, seed);
  }

  /** A layer with or without a bias. */
  public ConvTranspose1d(
      long in,
      long out,
      int kernel,
      ConvolutionOptions options,
      boolean bias,
      Device device,
      Seed seed) {
    super(
        "convTranspose1d",
        Convolution::convTranspose1d,
        in,
        out,
        new int[] {kernel},
        options,
        bias,
        device,
        seed);
  }
}
