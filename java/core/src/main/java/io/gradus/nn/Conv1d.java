package io.gradus.nn;

import io.gradus.op.Convolution;
import io.gradus.op.ConvolutionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;

/**
 * A {@linkplain Convolution#conv1d convolution} of sequences: from {@code (batch, in, width)} to
 * {@code (batch, out, width')}.
 *
 * <p>Its parameters are {@code weight (out, in / groups, kernel)} and {@code bias (out)}. Both
 * begin uniform within {@code ±1 / √(in / groups · kernel size)}, as in PyTorch.
 */
public final class Conv1d extends ConvolutionLayer {

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
    super("conv1d", Convolution::conv1d, in, out, new int[] {kernel}, options, bias, device, seed);
  }
}
