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
 * @param kernel elements of a window
 * @param stride elements from one window to the next
 * @param padding elements at each side of the input that windows may reach over, half a window at
 *     most
 * @param dilation elements of the input from one element of a window to the next; of the largest
 *     only
 * @param ceil whether a last window may reach out at the end, as long as it begins inside the input
 *     or the padding before it ({@code ceil_mode})
 * @param countPadding whether padding counts as zeros in averages ({@code count_include_pad})
 */
public record PoolingOptions(
    PerAxis kernel,
    PerAxis stride,
    PerAxis padding,
    PerAxis dilation,
    boolean ceil,
    boolean countPadding) {

  /** Checks the numbers. */
  public PoolingOptions {
    kernel.checkAtLeast(1, "pooling", "kernel");
    stride.checkAtLeast(1, "pooling", "stride");
    padding.checkAtLeast(0, "pooling", "padding");
    dilation.checkAtLeast(1, "pooling", "dilation");
    checkPadding(padding.height(), kernel.height(), dilation.height());
    checkPadding(padding.width(), kernel.width(), dilation.width());
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
    var window = new PerAxis(height, width);
    return new PoolingOptions(window, window, PerAxis.both(0), PerAxis.both(1), false, true);
  }

  /** Windows so far apart. */
  public PoolingOptions stride(int stride) {
    return stride(stride, stride);
  }

  /** Windows so far apart along each axis. */
  public PoolingOptions stride(int height, int width) {
    var strides = new PerAxis(height, width);
    return new PoolingOptions(kernel, strides, padding, dilation, ceil, countPadding);
  }

  /** Windows that may reach out so far on each side. */
  public PoolingOptions padding(int padding) {
    return padding(padding, padding);
  }

  /** Windows that may reach out so far above and below, and at the left and right. */
  public PoolingOptions padding(int height, int width) {
    var beyond = new PerAxis(height, width);
    return new PoolingOptions(kernel, stride, beyond, dilation, ceil, countPadding);
  }

  /** A window's elements so far apart. */
  public PoolingOptions dilation(int dilation) {
    return dilation(dilation, dilation);
  }

  /** A window's elements so far apart along each axis. */
  public PoolingOptions dilation(int height, int width) {
    var apart = new PerAxis(height, width);
    return new PoolingOptions(kernel, stride, padding, apart, ceil, countPadding);
  }

  /** Whether a last window may reach out at the end. */
  public PoolingOptions ceil(boolean ceil) {
    return new PoolingOptions(kernel, stride, padding, dilation, ceil, countPadding);
  }

  /** Whether padding counts in averages. */
  public PoolingOptions countPadding(boolean countPadding) {
    return new PoolingOptions(kernel, stride, padding, dilation, ceil, countPadding);
  }

  /** What differs from the defaults, for people: {@code kernel=3, stride=2, padding=1}. */
  public String text() {
    return "kernel="
        + text(kernel)
        + ", stride="
        + text(stride)
        + (padding.are(0) ? "" : ", padding=" + text(padding))
        + (dilation.are(1) ? "" : ", dilation=" + text(dilation))
        + (ceil ? ", ceil" : "")
        + (countPadding ? "" : ", countPadding=false");
  }

  private static String text(PerAxis numbers) {
    return numbers.are(numbers.height())
        ? Integer.toString(numbers.height())
        : "(" + numbers.height() + ", " + numbers.width() + ")";
  }
}
