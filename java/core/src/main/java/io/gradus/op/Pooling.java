package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.op.Windows.Axis;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Images and sequences made smaller, each channel by itself: the largest or the mean of the
 * elements in a window. Of F32, BF16 or F16.
 *
 * <p>Along an axis of {@code n} elements, a window of {@code k} with dilation {@code d}, padding
 * {@code p} and stride {@code s} has {@code ⌊(n + 2p - d (k - 1) - 1) / s⌋ + 1} places; with {@code
 * ceil}, rounded up. All methods throw {@link IllegalArgumentException} where the input has another
 * rank, an empty plane, or one that is smaller than a window.
 */
public final class Pooling {

  private Pooling() {}

  /**
   * The largest in each window, as in PyTorch's {@code max_pool1d}. Padding is less than any
   * number, NaN is the largest, and the gradient goes to the first of equals.
   *
   * @param x (batch, channels, width)
   * @return (batch, channels, width')
   */
  public static Tensor maxPool1d(Tensor x, PoolingOptions options) {
    return maxPool("maxPool1d", x, options);
  }

  /**
   * The largest in each window, as in PyTorch's {@code max_pool2d} (Ranzato et al. 2007). Padding
   * is less than any number, NaN is the largest, and the gradient goes to the first of equals.
   *
   * @param x (batch, channels, height, width)
   * @return (batch, channels, height', width')
   */
  public static Tensor maxPool2d(Tensor x, PoolingOptions options) {
    return maxPool("maxPool2d", x, options);
  }

  private static Tensor maxPool(String op, Tensor x, PoolingOptions options) {
    Shape shape = output(op, x, options);
    long[] window = window(x.shape(), shape, options);
    Tensor y = Tensor.empty(shape, x.dtype(), x.device());
    Tensor index = Tensor.empty(shape, DType.I32, x.device());
    x.backend().maxPool2d(x.typeCode(), x.address(), y.address(), index.address(), window);
    return Tape.record(op, y, wrt(x, dy -> maxPoolGrad(op, dy, index, x.shape(), window)));
  }

  private static Tensor maxPoolGrad(
      String op, Tensor dy, Tensor index, Shape shape, long[] window) {
    Tensor dx = Tensor.empty(shape, dy.dtype(), dy.device());
    dy.backend().maxPool2dGrad(dy.typeCode(), dy.address(), index.address(), dx.address(), window);
    return Tape.record(op + "Grad", dx, wrt(dy, ddx -> taken(ddx, index)), constant(index));
  }

  /** The elements of each plane that were the largest of their windows. */
  private static Tensor taken(Tensor x, Tensor index) {
    long planes = x.shape().size(0, 2);
    Tensor flat = Shapes.reshape(x, planes, x.shape().size(2, x.rank()));
    Tensor places = index.view(Shape.of(planes, index.shape().size(2, index.rank())), 0);
    return Shapes.reshape(Indexing.gather(flat, 1, places), index.shape());
  }

  /**
   * The mean of each window, as in PyTorch's {@code avg_pool1d}; what padding means to it, {@link
   * PoolingOptions} says.
   *
   * @param x (batch, channels, width)
   * @return (batch, channels, width')
   */
  public static Tensor avgPool1d(Tensor x, PoolingOptions options) {
    return avgPool("avgPool1d", x, options);
  }

  /**
   * The mean of each window, as in PyTorch's {@code avg_pool2d} (LeCun et al. 1998); what padding
   * means to it, {@link PoolingOptions} says.
   *
   * @param x (batch, channels, height, width)
   * @return (batch, channels, height', width')
   */
  public static Tensor avgPool2d(Tensor x, PoolingOptions options) {
    return avgPool("avgPool2d", x, options);
  }

  private static Tensor avgPool(String op, Tensor x, PoolingOptions options) {
    if (!options.dilation().are(1)) {
      throw new IllegalArgumentException(
          op + ": averages have no dilation: " + options.dilation() + "; leave it at 1");
    }
    Shape shape = output(op, x, options);
    return avgPool(op, x, shape, window(x.shape(), shape, options), options.countPadding());
  }

  private static Tensor avgPool(String op, Tensor x, Shape shape, long[] window, boolean count) {
    Tensor y = Tensor.empty(shape, x.dtype(), x.device());
    x.backend().avgPool2d(x.typeCode(), x.address(), y.address(), count, window);
    return Tape.record(op, y, wrt(x, dy -> avgPoolGrad(op, dy, x.shape(), window, count)));
  }

  private static Tensor avgPoolGrad(
      String op, Tensor dy, Shape shape, long[] window, boolean count) {
    Tensor dx = Tensor.empty(shape, dy.dtype(), dy.device());
    dy.backend().avgPool2dGrad(dy.typeCode(), dy.address(), dx.address(), count, window);
    return Tape.record(
        op + "Grad", dx, wrt(dy, ddx -> avgPool(op, ddx, dy.shape(), window, count)));
  }

  /**
   * Means of parts into which the width is shared out, as in PyTorch's {@code adaptive_avg_pool1d}:
   * output i is the mean of elements {@code ⌊i n / width⌋} to {@code ⌈(i + 1) n / width⌉} - 1.
   *
   * @param x (batch, channels, n)
   * @return (batch, channels, width)
   */
  public static Tensor adaptiveAvgPool1d(Tensor x, long width) {
    return adaptiveAvgPool("adaptiveAvgPool1d", x, 1, width);
  }

  /**
   * Means of parts into which height and width are shared out, as in PyTorch's {@code
   * adaptive_avg_pool2d}: output row i is the mean of rows {@code ⌊i n / height⌋} to {@code ⌈(i +
   * 1) n / height⌉} - 1, and columns likewise. One by one, the mean of each plane (Lin et al.
   * 2014).
   *
   * @param x (batch, channels, n, m)
   * @return (batch, channels, height, width)
   */
  public static Tensor adaptiveAvgPool2d(Tensor x, long height, long width) {
    return adaptiveAvgPool("adaptiveAvgPool2d", x, height, width);
  }

  private static Tensor adaptiveAvgPool(String op, Tensor x, long height, long width) {
    check(op, x);
    if (height < 1 || width < 1) {
      throw new IllegalArgumentException(
          op + ": output sizes must be positive: " + height + " x " + width);
    }
    long batch = x.dim(0);
    long channels = x.dim(1);
    return shared(
        op,
        x,
        x.rank() == 3
            ? Shape.of(batch, channels, width)
            : Shape.of(batch, channels, height, width));
  }

  private static Tensor shared(String op, Tensor x, Shape shape) {
    Tensor y = Tensor.empty(shape, x.dtype(), x.device());
    x.backend()
        .adaptiveAvgPool2d(
            x.typeCode(),
            x.address(),
            y.address(),
            shape.size(0, 2),
            height(x.shape()),
            x.dim(-1),
            height(shape),
            shape.dim(-1));
    return Tape.record(op, y, wrt(x, dy -> sharedGrad(op, dy, x.shape())));
  }

  private static Tensor sharedGrad(String op, Tensor dy, Shape shape) {
    Tensor dx = Tensor.empty(shape, dy.dtype(), dy.device());
    dy.backend()
        .adaptiveAvgPool2dGrad(
            dy.typeCode(),
            dy.address(),
            dx.address(),
            shape.size(0, 2),
            height(shape),
            shape.dim(-1),
            height(dy.shape()),
            dy.dim(-1));
    return Tape.record(op + "Grad", dx, wrt(dy, ddx -> shared(op, ddx, dy.shape())));
  }

  private static long height(Shape shape) {
    return shape.rank() == 3 ? 1 : shape.dim(2);
  }

  private static void check(String op, Tensor x) {
    boolean flat = op.endsWith("1d");
    Checks.floating(op, x);
    if (x.rank() != (flat ? 3 : 4)) {
      throw new IllegalArgumentException(
          op
              + ": the input must be (batch, channels, "
              + (flat ? "width): " : "height, width): ")
              + x.shape());
    }
    long plane = x.shape().size(2, x.rank());
    if (plane == 0 || plane > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          op + ": a plane must have one element or more, and less than 2^31: " + x.shape());
    }
  }

  private static Shape output(String op, Tensor x, PoolingOptions options) {
    check(op, x);
    long width = places(op, width(options), x.dim(-1), options.ceil());
    if (x.rank() == 3) {
      return Shape.of(x.dim(0), x.dim(1), width);
    }
    long height = places(op, height(options), x.dim(2), options.ceil());
    return Shape.of(x.dim(0), x.dim(1), height, width);
  }

  private static long places(String op, Axis axis, long size, boolean ceil) {
    return ceil ? axis.placesBeyond(op, size) : axis.places(op, size);
  }

  private static long[] window(Shape x, Shape y, PoolingOptions options) {
    Axis height = x.rank() == 3 ? Axis.none() : height(options);
    return Windows.of(x, y, height, width(options), x.dim(1));
  }

  private static Axis height(PoolingOptions o) {
    return Axis.height(o.kernel().height(), o.stride(), o.padding(), o.dilation());
  }

  private static Axis width(PoolingOptions o) {
    return Axis.width(o.kernel().width(), o.stride(), o.padding(), o.dilation());
  }
}
