package io.gradus.op;

import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * How operands of different shapes line up (NumPy's rule): aligned at their last axes, sizes must
 * be the same, or one of them 1, which repeats.
 */
final class Broadcast {

  private Broadcast() {}

  /**
   * The shape that two operands have together.
   *
   * @throws IllegalArgumentException naming the op where they do not line up
   */
  static Shape shape(String op, Shape a, Shape b) {
    if (a.equals(b)) {
      return a;
    }
    int rank = Math.max(a.rank(), b.rank());
    long[] dims = new long[rank];
    for (int i = 1; i <= rank; i++) {
      long x = i <= a.rank() ? a.dim(-i) : 1;
      long y = i <= b.rank() ? b.dim(-i) : 1;
      if (x != y && x != 1 && y != 1) {
        throw new IllegalArgumentException(
            op
                + ": shapes do not line up: "
                + a
                + " and "
                + b
                + "; sizes must be the same or 1, counted from the last axis");
      }
      dims[rank - i] = x == 1 ? y : x;
    }
    return Shape.of(dims);
  }

  /**
   * The layout of an index space for native code: rank, sizes, then the strides of each operand.
   * Null where all have the shape of the index space.
   */
  static long[] dims(Shape space, Shape... operands) {
    if (Arrays.stream(operands).allMatch(space::equals)) {
      return null;
    }
    int rank = space.rank();
    long[][] strides = new long[operands.length][];
    for (int i = 0; i < operands.length; i++) {
      strides[i] = repeated(space, operands[i]);
    }
    return pack(space.toArray(), strides);
  }

  /** The strides of an operand over an index space: 0 where it repeats. */
  private static long[] repeated(Shape space, Shape operand) {
    long[] strides = new long[space.rank()];
    long[] own = strides(operand);
    int skipped = space.rank() - operand.rank();
    for (int i = 0; i < operand.rank(); i++) {
      strides[skipped + i] = operand.dim(i) == 1 ? 0 : own[i];
    }
    return strides;
  }

  /** The strides of a contiguous tensor, in elements. */
  static long[] strides(Shape shape) {
    long[] strides = new long[shape.rank()];
    long step = 1;
    for (int i = strides.length - 1; i >= 0; i--) {
      strides[i] = step;
      step *= shape.dim(i);
    }
    return strides;
  }

  /** Lays sizes and strides out as native code reads them, after merging axes that run on. */
  static long[] pack(long[] sizes, long[]... strides) {
    int rank = 0;
    long[] mergedSizes = new long[sizes.length];
    long[][] merged = new long[strides.length][sizes.length];
    for (int i = 0; i < sizes.length; i++) {
      if (sizes[i] == 1) {
        continue;
      }
      if (rank > 0 && runsOn(merged, strides, rank - 1, i, sizes[i])) {
        mergedSizes[rank - 1] *= sizes[i];
      } else {
        mergedSizes[rank++] = sizes[i];
      }
      for (int k = 0; k < strides.length; k++) {
        merged[k][rank - 1] = strides[k][i];
      }
    }
    if (rank == 0) { // one element: native loops want an axis
      mergedSizes = new long[] {1};
      merged = new long[strides.length][1];
      rank = 1;
    }
    long[] dims = new long[1 + rank * (1 + strides.length)];
    dims[0] = rank;
    System.arraycopy(mergedSizes, 0, dims, 1, rank);
    for (int k = 0; k < strides.length; k++) {
      System.arraycopy(merged[k], 0, dims, 1 + rank * (1 + k), rank);
    }
    return dims;
  }

  /** Whether axis {@code inner} continues axis {@code outer} for every operand. */
  private static boolean runsOn(
      long[][] merged, long[][] strides, int outer, int inner, long size) {
    for (int k = 0; k < strides.length; k++) {
      if (merged[k][outer] != strides[k][inner] * size) {
        return false;
      }
    }
    return true;
  }

  /** The gradient of an operand: summed over the axes along which it was repeated. */
  static Tensor reduce(Tensor dy, Shape operand) {
    if (dy.shape().equals(operand)) {
      return dy;
    }
    int added = dy.rank() - operand.rank();
    int[] axes = new int[dy.rank()];
    int count = 0;
    for (int i = 0; i < dy.rank(); i++) {
      if (i < added || operand.dim(i - added) == 1 && dy.dim(i) != 1) {
        axes[count++] = i;
      }
    }
    Tensor dx = Reductions.sum(dy, true, Arrays.copyOf(axes, count));
    return dx.shape().equals(operand) ? dx : Shapes.reshape(dx, operand);
  }
}
