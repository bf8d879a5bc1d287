package io.gradus.op;

import io.gradus.tensor.Shape;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;

/** What a tensor holds, in double and in Java: the currency of {@link Reference}. */
record Doubles(Shape shape, double[] values) {

  /** Each element from its index. The array passed to the formula is reused. */
  static Doubles of(Shape shape, ToDoubleFunction<long[]> formula) {
    double[] values = new double[(int) shape.size()];
    long[] index = new long[shape.rank()];
    for (int i = 0; i < values.length; i++) {
      values[i] = formula.applyAsDouble(index);
      for (int axis = index.length - 1; axis >= 0; axis--) {
        if (++index[axis] < shape.dim(axis)) {
          break;
        }
        index[axis] = 0;
      }
    }
    return new Doubles(shape, values);
  }

  static Doubles scalar(double value) {
    return new Doubles(Shape.of(), new double[] {value});
  }

  long dim(int axis) {
    return shape.dim(axis);
  }

  int rank() {
    return shape.rank();
  }

  double at(long... index) {
    long offset = 0;
    for (int axis = 0; axis < index.length; axis++) {
      offset = offset * shape.dim(axis) + index[axis];
    }
    return values[(int) offset];
  }

  /** The element that broadcasting puts at an index of a larger shape: axes line up at the end. */
  double spread(long... index) {
    long offset = 0;
    int skipped = index.length - rank();
    for (int axis = 0; axis < rank(); axis++) {
      long dim = shape.dim(axis);
      offset = offset * dim + (dim == 1 ? 0 : index[axis + skipped]);
    }
    return values[(int) offset];
  }

  Doubles map(DoubleUnaryOperator formula) {
    double[] y = new double[values.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = formula.applyAsDouble(values[i]);
    }
    return new Doubles(shape, y);
  }

  Doubles zip(Doubles other, DoubleBinaryOperator formula) {
    Shape wide = broadcast(shape, other.shape);
    return of(wide, i -> formula.applyAsDouble(spread(i), other.spread(i)));
  }

  Doubles reshape(Shape other) {
    return new Doubles(other, values);
  }

  Doubles copy() {
    return new Doubles(shape, values.clone());
  }

  /** The shape that both spread to: axes line up at the end, and 1 gives way to any size. */
  static Shape broadcast(Shape a, Shape b) {
    long[] wide = new long[Math.max(a.rank(), b.rank())];
    for (int back = 1; back <= wide.length; back++) {
      long left = back <= a.rank() ? a.dim(-back) : 1;
      long right = back <= b.rank() ? b.dim(-back) : 1;
      wide[wide.length - back] = left == 1 ? right : left;
    }
    return Shape.of(wide);
  }
}
