package io.gradus.op;

import static io.gradus.op.Row.one;

import java.util.List;

/** The rows of {@link Softmax} in {@link OpTable}. */
final class SoftmaxRows {

  private SoftmaxRows() {}

  static List<Row> rows() {
    String[] rows = {"1", "7", "1x1", "2x3", "17x33", "0x3", "2x3x5", "3x1025", "300x110"};
    return List.of(
        // The distance to the largest, up to 60, is rounded before it becomes an exponent.
        one("softmax", Softmax::softmax, Reference::softmax)
            .shapes(rows)
            .wide(-30, 30)
            .tolerance(5e-6, 1e-37)
            .rejects("()", "softmax: needs an axis: ()"),
        // A logarithm close to 0 is the difference of larger numbers.
        one("logSoftmax", Softmax::logSoftmax, Reference::logSoftmax)
            .shapes(rows)
            .wide(-30, 30)
            .tolerance(1e-6, 3e-6)
            .rejects("()", "logSoftmax: needs an axis: ()"));
  }
}
