package io.gradus.metric;

import io.gradus.op.Reductions;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;

/** Class numbers, brought to where metrics count them. */
final class Labels {

  private Labels() {}

  /** The elements of labels, which are I32 or I64. */
  static long[] of(String what, Tensor labels) {
    if (!labels.dtype().isIndex()) {
      throw new IllegalArgumentException(what + " must be i32 or i64: " + labels.describe());
    }
    return labels.dtype() == DType.I64 ? labels.toLongs() : widened(labels.toInts());
  }

  private static long[] widened(int[] values) {
    long[] wide = new long[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  /** The same, each in [0, classes). */
  static long[] within(String what, Tensor labels, long classes) {
    return within(what, of(what, labels), classes);
  }

  private static long[] within(String what, long[] values, long classes) {
    for (int i = 0; i < values.length; i++) {
      if (values[i] < 0 || values[i] >= classes) {
        throw new IndexOutOfBoundsException(
            what + " must lie in [0, " + classes + "): element " + i + " is " + values[i]);
      }
    }
    return values;
  }

  /** The classes with the largest scores (…, classes), or classes where predictions are these. */
  static long[] predicted(String what, Tensor predictions) {
    if (!predictions.dtype().isFloating()) {
      return of(what, predictions);
    }
    try (Tensor largest = Reductions.argmax(predictions, -1)) {
      return largest.toLongs();
    }
  }

  /** The same, each in [0, classes). */
  static long[] predicted(String what, Tensor predictions, long classes) {
    return within(what, predicted(what, predictions), classes);
  }

  /** Refuses predictions (…, classes) without one label for each row; gives the classes. */
  static long checkScores(String metric, Tensor scores, Tensor labels) {
    if (!scores.dtype().isFloating()
        || scores.rank() < 1
        || !scores.shape().without(-1).equals(labels.shape())) {
      throw new IllegalArgumentException(
          metric
              + ": predictions must be scores (…, classes), labels (…): "
              + scores.describe()
              + " and "
              + labels.describe());
    }
    return scores.dim(-1);
  }

  /** Labels that are in [0, classes) or the ignored one. */
  static long[] withinOr(String what, Tensor labels, long classes, long ignored) {
    long[] values = of(what, labels);
    for (int i = 0; i < values.length; i++) {
      if (values[i] != ignored && (values[i] < 0 || values[i] >= classes)) {
        throw new IndexOutOfBoundsException(
            what + " must lie in [0, " + classes + "): element " + i + " is " + values[i]);
      }
    }
    return values;
  }
}
