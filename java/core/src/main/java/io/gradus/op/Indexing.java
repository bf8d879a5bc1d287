package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * Reading by index. Indices are I32 or I64 and checked: one that lies outside is an {@link
 * IndexOutOfBoundsException} that names it. Gradients add up in the order of the indices, so that
 * they have the same bits on any number of threads.
 */
public final class Indexing {

  private Indexing() {}

  /**
   * Picks elements along an axis, as PyTorch's {@code gather}: for axis 0 of a matrix, {@code
   * y[i][j] = x[index[i][j]][j]}.
   *
   * @param x any type
   * @param index of x's rank; its size may differ from x's along the axis only
   */
  public static Tensor gather(Tensor x, int axis, Tensor index) {
    Checks.index("gather", index);
    Checks.sameDevice("gather", x, index);
    int along = Checks.axis("gather", x, axis);
    if (index.rank() != x.rank()
        || !index.shape().with(along, 0).equals(x.shape().with(along, 0))) {
      throw new IllegalArgumentException(
          "gather: shapes differ beside axis " + axis + ": " + x.shape() + " and " + index.shape());
    }
    long outer = x.shape().size(0, along);
    long inner = x.shape().size(along + 1, x.rank());
    Tensor y = Tensor.empty(index.shape(), x.dtype(), x.device());
    Checks.indexed(
        () ->
            x.backend()
                .gather(
                    x.typeCode(),
                    x.address(),
                    index.typeCode(),
                    index.address(),
                    y.address(),
                    outer,
                    x.dim(along),
                    index.dim(along),
                    inner));
    return Tape.record(
        "gather",
        y,
        x.dtype().isFloating()
            ? wrt(x, dy -> gatherGrad(dy, x.shape(), along, index))
            : constant(x),
        constant(index));
  }

  private static Tensor gatherGrad(Tensor dy, Shape shape, int axis, Tensor index) {
    Tensor dx = Tensor.zeros(shape, dy.dtype(), dy.device());
    dy.backend()
        .gatherGrad(
            dy.typeCode(),
            dy.address(),
            index.typeCode(),
            index.address(),
            dx.address(),
            shape.size(0, axis),
            shape.dim(axis),
            index.dim(axis),
            shape.size(axis + 1, shape.rank()));
    return Tape.record("gatherGrad", dx, wrt(dy, ddx -> gather(ddx, axis, index)), constant(index));
  }

  /**
   * Rows of x by number: x (n, …) and indices of any shape (…) give (indices…, …). With a matrix of
   * embeddings as x, this is the embedding lookup.
   */
  public static Tensor takeRows(Tensor x, Tensor index) {
    Checks.index("takeRows", index);
    Checks.sameDevice("takeRows", x, index);
    Checks.axis("takeRows", x, 0);
    long columns = x.shape().size(1, x.rank());
    long[] dims = Arrays.copyOf(index.shape().toArray(), index.rank() + x.rank() - 1);
    System.arraycopy(x.shape().toArray(), 1, dims, index.rank(), x.rank() - 1);
    Tensor y = Tensor.empty(Shape.of(dims), x.dtype(), x.device());
    Checks.indexed(
        () ->
            x.backend()
                .takeRows(
                    x.typeCode(),
                    x.address(),
                    index.typeCode(),
                    index.address(),
                    y.address(),
                    x.dim(0),
                    columns,
                    index.size()));
    return Tape.record(
        "takeRows",
        y,
        x.dtype().isFloating() ? wrt(x, dy -> takeRowsGrad(dy, x.shape(), index)) : constant(x),
        constant(index));
  }

  private static Tensor takeRowsGrad(Tensor dy, Shape shape, Tensor index) {
    Tensor dx = Tensor.zeros(shape, dy.dtype(), dy.device());
    dy.backend()
        .takeRowsGrad(
            dy.typeCode(),
            dy.address(),
            index.typeCode(),
            index.address(),
            dx.address(),
            shape.dim(0),
            shape.size(1, shape.rank()),
            index.size());
    return Tape.record("takeRowsGrad", dx, wrt(dy, ddx -> takeRows(ddx, index)), constant(index));
  }

  /** F32 of shape (…, classes): 1 in the column that the index (…) names, else 0. */
  public static Tensor oneHot(Tensor index, long classes) {
    Checks.index("oneHot", index);
    if (classes < 0) {
      throw new IllegalArgumentException(
          "oneHot: the number of classes must not be negative: " + classes);
    }
    long[] dims = Arrays.copyOf(index.shape().toArray(), index.rank() + 1);
    dims[index.rank()] = classes;
    Tensor y = Tensor.empty(Shape.of(dims), DType.F32, index.device());
    Checks.indexed(
        () ->
            index
                .backend()
                .oneHot(
                    index.typeCode(),
                    index.address(),
                    y.typeCode(),
                    y.address(),
                    index.size(),
                    classes));
    return Tape.record("oneHot", y, constant(index));
  }
}
