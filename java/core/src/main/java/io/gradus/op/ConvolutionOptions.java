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
 * @param strideHeight rows from one place of the kernel to the next
 * @param strideWidth columns, likewise
 * @param paddingHeight rows of zeros above and below the input
 * @param paddingWidth columns of zeros at its left and right
 * @param dilationHeight rows from one element of the kernel to the next
 * @param dilationWidth columns, likewise
 * @param groups parts that the channels fall into, each convolved by itself
 * @param outputPaddingHeight rows that a transposed convolution adds below its output
 * @param outputPaddingWidth columns that it adds at the right
 */
public record ConvolutionOptions(
    int strideHeight,
    int strideWidth,
    int paddingHeight,
    int paddingWidth,
    int dilationHeight,
    int dilationWidth,
    int groups,
    int outputPaddingHeight,
    int outputPaddingWidth) {

  private static final ConvolutionOptions DEFAULTS =
      new ConvolutionOptions(1, 1, 0, 0, 1, 1, 1, 0, 0);

  /** Checks the numbers. */
  public ConvolutionOptions {
    check("stride", strideHeight, strideWidth, 1);
    check("padding", paddingHeight, paddingWidth, 0);
    check("dilation", dilationHeight, dilationWidth, 1);
    check("output padding", outputPaddingHeight, outputPaddingWidth, 0);
    if (groups < 1) {
      throw new IllegalArgumentException("convolution: groups must be 1 or more: " + groups);
    }
  }

  private static void check(String name, int height, int width, int least) {
    if (height < least || width < least) {
      throw new IllegalArgumentException(
          "convolution: " + name + " must be " + least + " or more: " + height + " x " + width);
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
    return new ConvolutionOptions(
        height,
        width,
        paddingHeight,
        paddingWidth,
        dilationHeight,
        dilationWidth,
        groups,
        outputPaddingHeight,
        outputPaddingWidth);
  }

  /** So many zeros on each side. */
  public ConvolutionOptions padding(int padding) {
    return padding(padding, padding);
  }

  /** So many zeros above and below, and at the left and right. */
  public ConvolutionOptions padding(int height, int width) {
    return new ConvolutionOptions(
        strideHeight,
        strideWidth,
        height,
        width,
        dilationHeight,
        dilationWidth,
        groups,
        outputPaddingHeight,
        outputPaddingWidth);
  }

  /** The kernel's elements so far apart. */
  public ConvolutionOptions dilation(int dilation) {
    return dilation(dilation, dilation);
  }

  /** The kernel's elements so far apart along each axis. */
  public ConvolutionOptions dilation(int height, int width) {
    return new ConvolutionOptions(
        strideHeight,
        strideWidth,
        paddingHeight,
        paddingWidth,
        height,
        width,
        groups,
        outputPaddingHeight,
        outputPaddingWidth);
  }

  /** Channels in groups, each convolved by itself; as many as channels is depthwise. */
  public ConvolutionOptions groups(int groups) {
    return new ConvolutionOptions(
        strideHeight,
        strideWidth,
        paddingHeight,
        paddingWidth,
        dilationHeight,
        dilationWidth,
        groups,
        outputPaddingHeight,
        outputPaddingWidth);
  }

  /**
   * The output of a transposed convolution so much larger, at one side; below stride or dilation.
   */
  public ConvolutionOptions outputPadding(int outputPadding) {
    return outputPadding(outputPadding, outputPadding);
  }

  /** The same for each axis. */
  public ConvolutionOptions outputPadding(int height, int width) {
    return new ConvolutionOptions(
        strideHeight,
        strideWidth,
        paddingHeight,
        paddingWidth,
        dilationHeight,
        dilationWidth,
        groups,
        height,
        width);
  }
}
