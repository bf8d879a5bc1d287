package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * Ops that move elements and leave their values alone, of any type. {@code reshape} and {@code
 * slice} share memory with their operand, all others write a new tensor.
 */
public final class Shapes {

  private Shapes() {}

  /** Records a gradient where the type has one. */
  private static Wrt moved(Tensor x, UnaryOperator<Tensor> gradient) {
    return x.dtype().isFloating() ? wrt(x, gradient) : constant(x);
  }

  /**
   * The same elements in another shape, sharing memory. One size may be -1: it follows from the
   * others.
   */
  public static Tensor reshape(Tensor x, long... dims) {
    return reshape(x, inferred(x, dims));
  }

  /** The same elements in another shape, sharing memory. */
  public static Tensor reshape(Tensor x, Shape shape) {
    if (shape.size() != x.size()) {
      throw new IllegalArgumentException(
          "reshape: the sizes do not agree: "
              + x.shape()
              + " has "
              + x.size()
              + " elements, "
              + shape
              + " has "
              + shape.size());
    }
    Tensor y = x.view(shape, 0);
    return Tape.record("reshape", y, moved(x, dy -> reshape(dy, x.shape())));
  }

  private static Shape inferred(Tensor x, long[] dims) {
    long[] full = dims.clone();
    int free = -1;
    long known = 1;
    for (int i = 0; i < full.length; i++) {
      if (full[i] == -1 && free < 0) {
        free = i;
      } else if (full[i] < 0) {
        throw new IllegalArgumentException(
            "reshape: sizes must not be negative, but for one -1: " + Arrays.toString(dims));
      } else {
        known *= full[i];
      }
    }
    if (free >= 0) {
      if (known == 0 || x.size() % known != 0) {
        throw new IllegalArgumentException(
            "reshape: " + x.shape() + " cannot be divided into " + Arrays.toString(dims));
      }
      full[free] = x.size() / known;
    }
    return Shape.of(full);
  }

  /** The tensor where it is on that device already, else a copy there. */
  public static Tensor to(Tensor x, Device device) {
    if (x.device() == device) {
      return x;
    }
    return Tape.record("to", x.to(device), moved(x, dy -> to(dy, x.device())));
  }

  /** Rows {@code from} (inclusive) to {@code to} (exclusive) of the first axis, sharing memory. */
  public static Tensor slice(Tensor x, long from, long to) {
    int axis = Checks.axis("slice", x, 0);
    if (from < 0 || to < from || to > x.dim(axis)) {
      throw new IllegalArgumentException(
          "slice: "
              + from
              + " to "
              + to
              + " is not a range of the "
              + x.dim(axis)
              + " rows of "
              + x.shape());
    }
    long row = x.shape().size(1, x.rank());
    Tensor y = x.view(x.shape().with(0, to - from), from * row);
    if (!x.dtype().isFloating()) {
      return Tape.record("slice", y, constant(x));
    }
    return Tape.record(
        "slice",
        y,
        wrt(
            x,
            dy -> padded(dy, x.shape(), from),
            (dy, dx, accumulate) -> addPart(dy, dx, from, accumulate)));
  }

  /** Writes rows from row {@code from} on among zeros, or adds them to what is there. */
  private static void addPart(Tensor rows, Tensor y, long from, boolean accumulate) {
    try (Tensor place = y.view(rows.shape(), from * y.shape().size(1, y.rank()))) {
      if (accumulate) {
        long to = place.address();
        y.backend().add(y.typeCode(), to, rows.address(), to, rows.size(), null);
        Tape.record("add", y, constant(rows));
      } else {
        y.fill(0);
        place.copyFrom(rows);
      }
    }
  }

  /** Zeros of a shape around rows that begin at row {@code from}. */
  private static Tensor padded(Tensor rows, Shape shape, long from) {
    Tensor y = Tensor.zeros(shape, rows.dtype(), rows.device());
    long row = shape.size(1, shape.rank());
    try (Tensor place = y.view(rows.shape(), from * row)) {
      place.copyFrom(rows);
    }
    return Tape.record("pad", y, moved(rows, dy -> slice(dy, from, from + rows.dim(0))));
  }

  /** The transpose of a matrix, or of the last two axes of a tensor. */
  public static Tensor transpose(Tensor x) {
    if (x.rank() < 2) {
      throw new IllegalArgumentException("transpose: needs two axes: " + x.shape());
    }
    return transpose(x, -2, -1);
  }

  /** The tensor with two axes exchanged. */
  public static Tensor transpose(Tensor x, int first, int second) {
    int[] axes = new int[x.rank()];
    Arrays.setAll(axes, i -> i);
    int a = Checks.axis("transpose", x, first);
    int b = Checks.axis("transpose", x, second);
    axes[a] = b;
    axes[b] = a;
    return permute(x, axes);
  }

  /** The tensor with its axes in another order: axis {@code i} of the output is {@code axes[i]}. */
  public static Tensor permute(Tensor x, int... axes) {
    int[] order = new int[axes.length];
    int[] inverse = new int[axes.length];
    Arrays.fill(inverse, -1);
    boolean whole = axes.length == x.rank();
    for (int i = 0; whole && i < axes.length; i++) {
      order[i] = Checks.axis("permute", x, axes[i]);
      whole = inverse[order[i]] < 0;
      inverse[order[i]] = i;
    }
    if (!whole) {
      throw new IllegalArgumentException(
          "permute: needs each axis of " + x.shape() + " once: " + Arrays.toString(axes));
    }
    long[] own = Broadcast.strides(x.shape());
    long[] sizes = new long[order.length];
    long[] strides = new long[order.length];
    for (int i = 0; i < order.length; i++) {
      sizes[i] = x.dim(order[i]);
      strides[i] = own[order[i]];
    }
    Tensor y = Tensor.empty(Shape.of(sizes), x.dtype(), x.device());
    stridedCopy(x, y, sizes, strides);
    return Tape.record("permute", y, moved(x, dy -> permute(dy, inverse)));
  }

  /** The tensor repeated along axes of size 1, and along new ones in front. */
  public static Tensor expand(Tensor x, Shape shape) {
    if (x.rank() > shape.rank() || !Broadcast.shape("expand", x.shape(), shape).equals(shape)) {
      throw new IllegalArgumentException("expand: " + x.shape() + " does not repeat to " + shape);
    }
    if (x.shape().equals(shape)) {
      return x;
    }
    Tensor y = Tensor.empty(shape, x.dtype(), x.device());
    long[] dims = Broadcast.dims(shape, x.shape());
    if (y.size() > 0) {
      x.backend().stridedCopy(x.typeCode(), x.address(), y.address(), dims);
    }
    return Tape.record("expand", y, moved(x, dy -> Broadcast.reduce(dy, x.shape())));
  }

  private static void stridedCopy(Tensor x, Tensor y, long[] sizes, long[] strides) {
    if (y.size() > 0) {
      x.backend()
          .stridedCopy(x.typeCode(), x.address(), y.address(), Broadcast.pack(sizes, strides));
    }
  }

  /** Tensors one after the other along an axis; their other sizes and types are the same. */
  public static Tensor concat(int axis, Tensor... parts) {
    if (parts.length == 0) {
      throw new IllegalArgumentException("concat: needs at least one tensor");
    }
    if (Mixed.meet(parts)) {
      return concat(axis, Stream.of(parts).map(Mixed::wide).toArray(Tensor[]::new));
    }
    Tensor first = parts[0];
    int along = Checks.axis("concat", first, axis);
    long total = 0;
    for (Tensor part : parts) {
      Checks.sameType("concat", first, part);
      if (part.rank() != first.rank()
          || !part.shape().with(along, 0).equals(first.shape().with(along, 0))) {
        throw new IllegalArgumentException(
            "concat: shapes differ beside axis "
                + axis
                + ": "
                + first.shape()
                + " and "
                + part.shape());
      }
      total += part.dim(along);
    }
    Tensor y = Tensor.empty(first.shape().with(along, total), first.dtype(), first.device());
    Wrt[] inputs = new Wrt[parts.length];
    long from = 0;
    for (int i = 0; i < parts.length; i++) {
      Tensor part = parts[i];
      copyPart(part, y, along, 0, from, part.dim(along));
      long start = from;
      inputs[i] = moved(part, dy -> narrow(dy, along, start, part.dim(along)));
      from += part.dim(along);
    }
    return Tape.record("concat", y, inputs);
  }

  /** {@code count} positions of an axis, from {@code from} on, copied. */
  public static Tensor narrow(Tensor x, int axis, long from, long count) {
    int along = Checks.axis("narrow", x, axis);
    if (from < 0 || count < 0 || count > x.dim(along) - from) {
      throw new IllegalArgumentException(
          "narrow: "
              + count
              + " from "
              + from
              + " on is not a range of axis "
              + axis
              + " of "
              + x.shape());
    }
    Tensor y = Tensor.empty(x.shape().with(along, count), x.dtype(), x.device());
    copyPart(x, y, along, from, 0, count);
    return Tape.record("narrow", y, moved(x, dy -> spread(dy, x.shape(), along, from)));
  }

  /** Zeros of a shape, but for a part along an axis. */
  private static Tensor spread(Tensor part, Shape shape, int axis, long from) {
    Tensor y = Tensor.zeros(shape, part.dtype(), part.device());
    copyPart(part, y, axis, 0, from, part.dim(axis));
    return Tape.record("spread", y, moved(part, dy -> narrow(dy, axis, from, part.dim(axis))));
  }

  /** Copies {@code count} positions of an axis between tensors that agree on all other axes. */
  private static void copyPart(Tensor x, Tensor y, int axis, long fromX, long fromY, long count) {
    long inner = x.shape().size(axis + 1, x.rank()) * x.dtype().bytes();
    long rows = x.shape().size(0, axis);
    long from = x.address(); // checks that it is open, even where there is nothing to copy
    if (inner * rows * count > 0) {
      x.backend()
          .copyRows(
              from + fromX * inner,
              x.dim(axis) * inner,
              y.address() + fromY * inner,
              y.dim(axis) * inner,
              count * inner,
              rows);
    }
  }

  /** Tensors of one shape and type side by side along a new axis. */
  public static Tensor stack(int axis, Tensor... parts) {
    if (parts.length == 0) {
      throw new IllegalArgumentException("stack: needs at least one tensor");
    }
    if (Mixed.meet(parts)) {
      return stack(axis, Stream.of(parts).map(Mixed::wide).toArray(Tensor[]::new));
    }
    int rank = parts[0].rank() + 1;
    int along = axis < 0 ? axis + rank : axis;
    if (along < 0 || along >= rank) {
      throw new IllegalArgumentException(
          "stack: axis " + axis + " is outside the new rank " + rank);
    }
    Tensor[] unsqueezed = new Tensor[parts.length];
    for (int i = 0; i < parts.length; i++) {
      Checks.sameType("stack", parts[0], parts[i]);
      Checks.sameShape("stack", parts[0], parts[i]);
      unsqueezed[i] = reshape(parts[i], withOne(parts[i].shape(), along));
    }
    return concat(along, unsqueezed);
  }

  private static Shape withOne(Shape shape, int axis) {
    long[] dims = new long[shape.rank() + 1];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = i == axis ? 1 : shape.dim(i < axis ? i : i - 1);
    }
    return Shape.of(dims);
  }
}
