package io.gradus.op;

import io.gradus.tensor.Shape;

/** What slides over the rows and columns of images, as the kernels take it: {@code Window}. */
final class Windows {

  private Windows() {}

  /** One axis of a window: the kernel's size and how it slides. */
  record Axis(String name, long kernel, long stride, long padding, long dilation) {

    static Axis height(long kernel, PerAxis stride, PerAxis padding, PerAxis dilation) {
      return new Axis("height", kernel, stride.height(), padding.height(), dilation.height());
    }

    static Axis width(long kernel, PerAxis stride, PerAxis padding, PerAxis dilation) {
      return new Axis("width", kernel, stride.width(), padding.width(), dilation.width());
    }

    /** An axis that images do not have: one row, on which one row of the kernel lies. */
    static Axis none() {
      return new Axis("height", 1, 1, 0, 1);
    }

    /** What the kernel covers. */
    long span() {
      return dilation * (kernel - 1) + 1;
    }

    /** At how many places the kernel lies on {@code size} elements and their padding. */
    long places(String op, long size) {
      return (room(op, size) / stride) + 1;
    }

    /**
     * The same with a last place that the kernel leaves at the end, as long as it begins inside the
     * input or the padding before it ({@code ceil_mode}).
     */
    long placesBeyond(String op, long size) {
      long places = (room(op, size) + stride - 1) / stride + 1;
      return (places - 1) * stride >= size + padding ? places - 1 : places;
    }

    private long room(String op, long size) {
      long room = size + 2 * padding - span();
      if (room < 0) {
        throw new IllegalArgumentException(
            op
                + ": the kernel is larger than the padded input: "
                + name
                + " "
                + span()
                + " and "
                + (size + 2 * padding)
                + "; pad more or take a smaller kernel");
      }
      return room;
    }
  }

  /**
   * The numbers of a window over x (batch, channels, height, width), or (batch, channels, width),
   * with y alike.
   */
  static long[] of(Shape x, Shape y, Axis height, Axis width, long groups) {
    boolean flat = x.rank() == 3;
    return new long[] {
      x.dim(0),
      x.dim(1),
      flat ? 1 : x.dim(2),
      x.dim(-1),
      y.dim(1),
      flat ? 1 : y.dim(2),
      y.dim(-1),
      height.kernel,
      width.kernel,
      height.stride,
      width.stride,
      height.padding,
      width.padding,
      height.dilation,
      width.dilation,
      groups
    };
  }
}
