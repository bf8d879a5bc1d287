package io.gradus.tensor;

import java.util.Arrays;
import java.util.StringJoiner;

/** The sizes of a tensor's axes, outermost first. A scalar has no axes. */
public final class Shape {

  private static final Shape SCALAR = new Shape(new long[0]);

  private final long[] dims;
  private final long size;

  private Shape(long[] dims) {
    this.dims = dims;
    long product = 1;
    for (long dim : dims) {
      if (dim < 0) {
        throw new IllegalArgumentException("shape: sizes must not be negative: " + text(dims));
      }
      try {
        product = Math.multiplyExact(product, dim);
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException(
            "shape: more elements than a long can count: " + text(dims), e);
      }
    }
    this.size = product;
  }

  /** A shape of these sizes; of none, a scalar's. */
  public static Shape of(long... dims) {
    return dims.length == 0 ? SCALAR : new Shape(dims.clone());
  }

  /** How many axes there are. */
  public int rank() {
    return dims.length;
  }

  /** The size of an axis; negative axes count from the end. */
  public long dim(int axis) {
    return dims[axis(axis)];
  }

  /** The axis as a number from 0 on; negative axes count from the end. */
  public int axis(int axis) {
    int counted = axis < 0 ? axis + dims.length : axis;
    if (counted < 0 || counted >= dims.length) {
      throw new IllegalArgumentException(
          "axis " + axis + " is outside the shape " + this + " of rank " + dims.length);
    }
    return counted;
  }

  /** The number of elements. */
  public long size() {
    return size;
  }

  /** The product of the sizes of axes {@code from} (inclusive) to {@code to} (exclusive). */
  public long size(int from, int to) {
    long product = 1;
    for (int axis = from; axis < to; axis++) {
      product *= dims[axis];
    }
    return product;
  }

  /** The sizes, in an array of the caller's own. */
  public long[] toArray() {
    return dims.clone();
  }

  /** This shape with another size on one axis. */
  public Shape with(int axis, long dim) {
    long[] copy = dims.clone();
    copy[axis(axis)] = dim;
    return new Shape(copy);
  }

  /** This shape without one axis. */
  public Shape without(int axis) {
    int skipped = axis(axis);
    long[] copy = new long[dims.length - 1];
    for (int i = 0; i < copy.length; i++) {
      copy[i] = dims[i < skipped ? i : i + 1];
    }
    return Shape.of(copy);
  }

  @Override
  public boolean equals(Object other) {
    return this == other || other instanceof Shape shape && Arrays.equals(dims, shape.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /** As in error messages: {@code (2, 3)}, and {@code ()} for a scalar. */
  @Override
  public String toString() {
    return text(dims);
  }

  private static String text(long[] dims) {
    StringJoiner joiner = new StringJoiner(", ", "(", ")");
    for (long dim : dims) {
      joiner.add(Long.toString(dim));
    }
    return joiner.toString();
  }
}
