package io.gradus.op;

/**
 * What slides over the planes that {@link Pooling} makes smaller, with PyTorch's names and
 * defaults. Immutable: each method returns options with one more. One number counts for both axes,
 * or for the one that there is.
 *
 * <pre>{@code
 * PoolingOptions.kernel(3).stride(2).padding(1)
 * }</pre>
 *
 * @param kernelHeight rows of a window
 * @param kernelWidth columns of a window
 * @param strideHeight rows from one window to the next
 * @param strideWidth columns, likewise
 * @param paddingHeight rows above and below the input that windows may reach over, half a window at
 *     most
 * @param paddingWidth columns at its left and right, likewise
 * @param dilationHeight rows from one element of a window to the next; of the largest only
 * @param dilationWidth columns, likewise
 * @param ceil whether a last window may reach out at the end, as long as it begins inside the input
 *     or the padding before it ({@code ceil_mode})
 * @param countPadding whether padding counts as zeros in averages ({@code count_include_pad})
 */
public record PoolingOptions(
    int kernelHeight,
    int kernelWidth,
    int strideHeight,
    int strideWidth,
    int paddingHeight,
    int paddingWidth,
    int dilationHeight,
    int dilationWidth,
    boolean ceil,
    boolean countPadding) {

  /** Checks the numbers. */
  public PoolingOptions {
    check("kernel", kernelHeight, kernelWidth, 1);
    check("stride", strideHeight, strideWidth, 1);
    check("padding", paddingHeight, paddingWidth, 0);
    check("dilation", dilationHeight, dilationWidth, 1);
    checkPadding(paddingHeight, kernelHeight, dilationHeight);
    checkPadding(paddingWidth, kernelWidth, dilationWidth);
  }

  private static void check(String name, int height, int width, int least) {
    if (height < least || width < least) {
      throw new IllegalArgumentException(
          "pooling: " + name + " must be " + least + " or more: " + height + " x " + width);
    }
  }

  private static void checkPadding(int padding, int kernel, int dilation) {
    long span = (long) dilation * (kernel - 1) + 1;
    if (padding > span / 2) {
      throw new IllegalArgumentException(
          "pooling: padding must be half a window at most: "
              + padding
              + " beside a window of "
              + span
              + "; pad the input itself where more is meant");
    }
  }

  /** Windows of this size side by side, without padding. */
  public static PoolingOptions kernel(int kernel) {
    return kernel(kernel, kernel);
  }

  /** Windows of this height and width side by side, without padding. */
  public static PoolingOptions kernel(int height, int width) {
    return new PoolingOptions(height, width, height, width, 0, 0, 1, 1, false, true);
  }

  /** Windows so far apart. */
  public PoolingOptions stride(int stride) {
    return stride(stride, stride);
  }

  /** Windows so far apart along each axis. */
  public PoolingOptions stride(int height, int width) {
    return new PoolingOptions(
        kernelHeight,
        kernelWidth,
        height,
        width,
        paddingHeight,
        paddingWidth,
        dilationHeight,
        dilationWidth,
        ceil,
        countPadding);
  }

  /** Windows that may reach out so far on each side. */
  public PoolingOptions padding(int padding) {
    return padding(padding, padding);
  }

  /** Windows that may reach out so far above and below, and at the left and right. */
  public PoolingOptions padding(int height, int width) {
    return new PoolingOptions(
        kernelHeight,
        kernelWidth,
        strideHeight,
        strideWidth,
        height,
        width,
        dilationHeight,
        dilationWidth,
        ceil,
        countPadding);
  }

  /** A window's elements so far apart. */
  public PoolingOptions dilation(int dilation) {
    return dilation(dilation, dilation);
  }

  /** A window's elements so far apart along each axis. */
  public PoolingOptions dilation(int height, int width) {
    return new PoolingOptions(
        kernelHeight,
        kernelWidth,
        strideHeight,
        strideWidth,
        paddingHeight,
        paddingWidth,
        height,
        width,
        ceil,
        countPadding);
  }

  /** Whether a last window may reach out at the end. */
  public PoolingOptions ceil(boolean ceil) {
    return new PoolingOptions(
        kernelHeight,
        kernelWidth,
        strideHeight,
        strideWidth,
        paddingHeight,
        paddingWidth,
        dilationHeight,
        dilationWidth,
        ceil,
        countPadding);
  }

  /** Whether padding counts in averages. */
  public PoolingOptions countPadding(boolean countPadding) {
    return new PoolingOptions(
        kernelHeight,
        kernelWidth,
        strideHeight,
        strideWidth,
        paddingHeight,
        paddingWidth,
        dilationHeight,
        dilationWidth,
        ceil,
        countPadding);
  }

  /** What differs from the defaults, for people: {@code kernel=3, stride=2, padding=1}. */
  public String text() {
    return "kernel="
        + pair(kernelHeight, kernelWidth)
        + ", stride="
        + pair(strideHeight, strideWidth)
        + (paddingHeight + paddingWidth > 0 ? ", padding=" + pair(paddingHeight, paddingWidth) : "")
        + (dilationHeight * dilationWidth > 1
            ? ", dilation=" + pair(dilationHeight, dilationWidth)
            : "")
        + (ceil ? ", ceil" : "")
        + (countPadding ? "" : ", countPadding=false");
  }

  private static String pair(int height, int width) {
    return height == width ? Integer.toString(height) : "(" + height + ", " + width + ")";
  }
}
