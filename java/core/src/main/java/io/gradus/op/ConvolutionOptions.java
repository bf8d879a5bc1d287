package io.gradus.op;

/**
 * How the kernel of a {@link Convolution} slides over its input, with PyTorch's names and defaults.
 * Immutable: each method returns options with one more. One number counts for both axes, or for the
 * one that there is.
 *
 * <pre>{@code
 * ConvolutionOptions.stride(2).padding(1)
 * }</pre>
 *
 * @param stride elements from one place of the kernel to the next
 * @param padding zeros at each side of the input
 * @param dilation elements of the input from one element of the kernel to the next
 * @param groups parts that the channels fall into, each convolved by itself
 * @param outputPadding elements that a transposed convolution adds below and at the right of its
 *     output
 */
public record ConvolutionOptions(
    PerAxis stride, PerAxis padding, PerAxis dilation, int groups, PerAxis outputPadding) {

  private static final ConvolutionOptions DEFAULTS =
      new ConvolutionOptions(PerAxis.both(1), PerAxis.both(0), PerAxis.both(1), 1, PerAxis.both(0));

  /** Checks the numbers. */
  public ConvolutionOptions {
    stride.checkAtLeast(1, "convolution", "stride");
    padding.checkAtLeast(0, "convolution", "padding");
    dilation.checkAtLeast(1, "convolution", "dilation");
    outputPadding.checkAtLeast(0, "convolution", "output padding");
    if (groups < 1) {
      throw new IllegalArgumentException("convolution: groups must be 1 or more: " + groups);
    }
  }

  /** Stride 1, no padding, dilation 1, one group. */
  public static ConvolutionOptions defaults() {
    return DEFAULTS;
  }

  /** Defaults with another stride. */
  public static ConvolutionOptions stride(int stride) {
    return DEFAULTS.strides(stride, stride);
  }

  /** Another stride for each axis. */
  public ConvolutionOptions strides(int height, int width) {
    var strides = new PerAxis(height, width);
    return new ConvolutionOptions(strides, padding, dilation, groups, outputPadding);
  }

  /** So many zeros on each side. */
  public ConvolutionOptions padding(int padding) {
    return padding(padding, padding);
  }

  /** So many zeros above and below, and at the left and right. */
  public ConvolutionOptions padding(int height, int width) {
    var zeros = new PerAxis(height, width);
    return new ConvolutionOptions(stride, zeros, dilation, groups, outputPadding);
  }

  /** The kernel's elements so far apart. */
  public ConvolutionOptions dilation(int dilation) {
    return dilation(dilation, dilation);
  }

  /** The kernel's elements so far apart along each axis. */
  public ConvolutionOptions dilation(int height, int width) {
    var apart = new PerAxis(height, width);
    return new ConvolutionOptions(stride, padding, apart, groups, outputPadding);
  }

  /** Channels in groups, each convolved by itself; as many as channels is depthwise. */
  public ConvolutionOptions groups(int groups) {
    return new ConvolutionOptions(stride, padding, dilation, groups, outputPadding);
  }

  /**
   * The output of a transposed convolution so much larger, at one side; below stride or dilation.
   */
  public ConvolutionOptions outputPadding(int outputPadding) {
    return outputPadding(outputPadding, outputPadding);
  }

  /** The same for each axis. */
  public ConvolutionOptions outputPadding(int height, int width) {
    var more = new PerAxis(height, width);
    return new ConvolutionOptions(stride, padding, dilation, groups, more);
  }
}
