package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * Sums, means and maxima over any axes, of F32, BF16 or F16. Without axes they reduce all of them.
 * Reduced axes disappear, or stay with size 1 where {@code keepDims} says so. The order of a sum
 * depends on the sizes alone, so that it has the same bits on any number of threads.
 */
public final class Reductions {

  private Reductions() {}

  /** The sum of all elements, a scalar. */
  public static Tensor sum(Tensor x) {
    return sum(x, false);
  }

  /** The sum over some axes. */
  public static Tensor sum(Tensor x, int... axes) {
    return sum(x, false, axes);
  }

  /** The sum over some axes; 0 where there is nothing to add. */
  public static Tensor sum(Tensor x, boolean keepDims, int... axes) {
    return scaledSum("sum", x, 1, keepDims, axes);
  }

  /** The mean of all elements, a scalar. */
  public static Tensor mean(Tensor x) {
    return mean(x, false);
  }

  /** The mean over some axes. */
  public static Tensor mean(Tensor x, int... axes) {
    return mean(x, false, axes);
  }

  /** The mean over some axes; NaN where there is nothing to average. */
  public static Tensor mean(Tensor x, boolean keepDims, int... axes) {
    boolean[] reduced = reduced("mean", x, axes);
    long count = 1;
    for (int i = 0; i < reduced.length; i++) {
      count *= reduced[i] ? x.dim(i) : 1;
    }
    return scaledSum("mean", x, count == 0 ? Double.NaN : 1.0 / count, keepDims, axes);
  }

  private static Tensor scaledSum(
      String op, Tensor x, double scale, boolean keepDims, int... axes) {
    Checks.floating(op, x);
    boolean[] reduced = reduced(op, x, axes);
    Shape kept = kept(x, reduced, true);
    Tensor y = Tensor.empty(keepDims ? kept : kept(x, reduced, false), x.dtype(), x.device());
    if (x.size() == 0) {
      y.fill(Double.isNaN(scale) ? Double.NaN : 0);
    } else {
      x.backend().sum(x.typeCode(), x.address(), y.address(), y.size(), scale, dims(x, reduced));
    }
    return Tape.record(op, y, wrt(x, dy -> scaledSumGrad(dy, kept, x.shape(), scale)));
  }

  private static Tensor scaledSumGrad(Tensor dy, Shape kept, Shape shape, double scale) {
    Tensor scaled = scale == 1 ? dy : Pointwise.mul(dy, scale);
    return Shapes.expand(Shapes.reshape(scaled, kept), shape);
  }

  /** The largest of all elements, a scalar. */
  public static Tensor max(Tensor x) {
    return max(x, false);
  }

  /** The largest over some axes. */
  public static Tensor max(Tensor x, int... axes) {
    return max(x, false, axes);
  }

  /**
   * The largest over some axes; NaN where there is one. The gradient is shared equally by all
   * elements that are the largest.
   *
   * @throws IllegalArgumentException where there is no element to choose from
   */
  public static Tensor max(Tensor x, boolean keepDims, int... axes) {
    Checks.floating("max", x);
    boolean[] reduced = reduced("max", x, axes);
    Shape kept = kept(x, reduced, true);
    Tensor y = Tensor.empty(keepDims ? kept : kept(x, reduced, false), x.dtype(), x.device());
    if (x.size() == 0 && y.size() > 0) {
      throw new IllegalArgumentException("max: there is no element to choose from: " + x.shape());
    }
    if (y.size() > 0) {
      x.backend().max(x.typeCode(), x.address(), y.address(), y.size(), dims(x, reduced));
    }
    return Tape.record("max", y, wrt(x, dy -> maxGrad(x, y, dy, kept, reduced)));
  }

  private static Tensor maxGrad(Tensor x, Tensor y, Tensor dy, Shape kept, boolean[] reduced) {
    Tensor largest = Tape.stopGradient(Shapes.reshape(y, kept));
    Tensor mask = Pointwise.cast(Comparisons.equal(x, largest), x.dtype());
    Tensor share = Pointwise.div(Shapes.reshape(dy, kept), sum(mask, true, axes(reduced)));
    return Pointwise.mul(mask, share);
  }

  /** The index (I64) of the first of the largest elements along an axis, which disappears. */
  public static Tensor argmax(Tensor x, int axis) {
    Checks.floating("argmax", x);
    int along = Checks.axis("argmax", x, axis);
    if (x.dim(along) == 0) {
      throw new IllegalArgumentException(
          "argmax: there is no element to choose from: " + x.shape());
    }
    Tensor y = Tensor.empty(x.shape().without(along), DType.I64, x.device());
    if (y.size() > 0) {
      x.backend()
          .argmax(
              x.typeCode(),
              x.address(),
              y.address(),
              x.shape().size(0, along),
              x.dim(along),
              x.shape().size(along + 1, x.rank()));
    }
    return Tape.record("argmax", y, constant(x));
  }

  private static int[] axes(boolean[] reduced) {
    int[] axes = new int[reduced.length];
    int count = 0;
    for (int i = 0; i < reduced.length; i++) {
      if (reduced[i]) {
        axes[count++] = i;
      }
    }
    return Arrays.copyOf(axes, count);
  }

  private static boolean[] reduced(String op, Tensor x, int[] axes) {
    boolean[] reduced = new boolean[x.rank()];
    if (axes.length == 0) {
      Arrays.fill(reduced, true);
    }
    for (int axis : axes) {
      int counted = Checks.axis(op, x, axis);
      if (reduced[counted]) {
        throw new IllegalArgumentException(
            op + ": axis " + axis + " is named twice: " + Arrays.toString(axes));
      }
      reduced[counted] = true;
    }
    return reduced;
  }

  private static Shape kept(Tensor x, boolean[] reduced, boolean keepDims) {
    long[] dims = new long[x.rank()];
    int rank = 0;
    for (int i = 0; i < dims.length; i++) {
      if (!reduced[i]) {
        dims[rank++] = x.dim(i);
      } else if (keepDims) {
        dims[rank++] = 1;
      }
    }
    return Shape.of(Arrays.copyOf(dims, rank));
  }

  /** Sizes and strides of x and y for native code: those of y are 0 along reduced axes. */
  private static long[] dims(Tensor x, boolean[] reduced) {
    long[] strides = Broadcast.strides(kept(x, reduced, true));
    for (int i = 0; i < reduced.length; i++) {
      strides[i] = reduced[i] ? 0 : strides[i];
    }
    return Broadcast.pack(x.shape().toArray(), Broadcast.strides(x.shape()), strides);
  }
}
