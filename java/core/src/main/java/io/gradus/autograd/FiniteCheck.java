package io.gradus.autograd;

import io.gradus.tensor.Tensor;

/**
 * Reads every value that a tape sees and stops at the first that is not finite.
 *
 * @param limit the largest norm that a gradient may have
 */
record FiniteCheck(double limit) {

  /** Looks at the result of an op. */
  void forward(String op, Tensor y) {
    check(op, "result", y, Double.POSITIVE_INFINITY);
  }

  /** Looks at a gradient that an op hands back. */
  void backward(String op, Tensor dx) {
    check(op, "gradient", dx, limit);
  }

  private static void check(String op, String what, Tensor x, double limit) {
    if (!x.dtype().isFloating()) {
      return;
    }
    float[] values = x.toFloats();
    double squares = 0;
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw new NonFiniteException(
            op
                + ": its "
                + what
                + " is not finite: "
                + x.describe()
                + " has "
                + values[i]
                + " at element "
                + i);
      }
      squares += (double) values[i] * values[i];
    }
    if (Math.sqrt(squares) > limit) {
      throw new NonFiniteException(
          op
              + ": its "
              + what
              + " is larger than "
              + limit
              + ": "
              + x.describe()
              + " has the norm "
              + (float) Math.sqrt(squares));
    }
  }
}
