package io.gradus.train;

import io.gradus.op.Reductions;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.util.Locale;

/** Counts which classes a model takes for which. */
public final class ConfusionMatrix {

  private final int classes;
  private final long[][] counts; // [actual][predicted]

  /** An empty matrix. */
  public ConfusionMatrix(int classes) {
    if (classes < 1) {
      throw new IllegalArgumentException(
          "confusionMatrix: the number of classes must be positive: " + classes);
    }
    this.classes = classes;
    this.counts = new long[classes][classes];
  }

  /**
   * Counts predictions.
   *
   * @param predictions scores (n, classes), of which the largest counts, or classes (n), I32 or I64
   * @param labels (n), I32 or I64
   * @throws IndexOutOfBoundsException for a class that there is not; then nothing is counted
   */
  public void add(Tensor predictions, Tensor labels) {
    boolean scores = predictions.rank() == 2 && predictions.dtype().isFloating();
    if (labels.rank() != 1
        || predictions.rank() != (scores ? 2 : 1)
        || predictions.dim(0) != labels.dim(0)
        || scores && predictions.dim(1) != classes) {
      throw new IllegalArgumentException(
          "confusionMatrix: predictions must be (n, "
              + classes
              + ") or (n), labels (n): "
              + predictions.describe()
              + " and "
              + labels.describe());
    }
    long[] actual = classes("labels", labels);
    long[] predicted;
    if (scores) {
      try (Tensor largest = Reductions.argmax(predictions, 1)) {
        predicted = classes("predictions", largest);
      }
    } else {
      predicted = classes("predictions", predictions);
    }
    for (int i = 0; i < actual.length; i++) {
      counts[(int) actual[i]][(int) predicted[i]]++;
    }
  }

  private long[] classes(String name, Tensor x) {
    if (!x.dtype().isIndex()) {
      throw new IllegalArgumentException(
          "confusionMatrix: " + name + " must be i32 or i64: " + x.describe());
    }
    long[] values = x.dtype() == DType.I64 ? x.toLongs() : widened(x.toInts());
    for (int i = 0; i < values.length; i++) {
      if (values[i] < 0 || values[i] >= classes) {
        throw new IndexOutOfBoundsException(
            "confusionMatrix: "
                + name
                + " must lie in [0, "
                + classes
                + "): element "
                + i
                + " is "
                + values[i]);
      }
    }
    return values;
  }

  private static long[] widened(int[] values) {
    long[] wide = new long[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  /** How often a class was taken for another, or for itself. */
  public long count(int actual, int predicted) {
    return counts[actual][predicted];
  }

  /** The number of predictions. */
  public long total() {
    long total = 0;
    for (int i = 0; i < classes; i++) {
      total += actual(i);
    }
    return total;
  }

  /** The share of right predictions; NaN where there is none at all. */
  public double accuracy() {
    long right = 0;
    for (int i = 0; i < classes; i++) {
      right += counts[i][i];
    }
    return (double) right / total();
  }

  /** Of the predictions of a class, the share that was right; NaN where there is none. */
  public double precision(int label) {
    return (double) counts[label][label] / predicted(label);
  }

  /** Of the examples of a class, the share that was found; NaN where there is none. */
  public double recall(int label) {
    return (double) counts[label][label] / actual(label);
  }

  /** The harmonic mean of precision and recall; NaN for a class neither seen nor predicted. */
  public double f1(int label) {
    return 2.0 * counts[label][label] / (predicted(label) + actual(label));
  }

  private long predicted(int label) {
    long sum = 0;
    for (long[] row : counts) {
      sum += row[label];
    }
    return sum;
  }

  private long actual(int label) {
    long sum = 0;
    for (long count : counts[label]) {
      sum += count;
    }
    return sum;
  }

  /**
   * A table: a row for each actual class with its counts by predicted class, precision, recall, F1.
   */
  @Override
  public String toString() {
    int width =
        Math.max(Long.toString(total()).length(), Integer.toString(classes - 1).length()) + 2;
    StringBuilder text = new StringBuilder("actual \\ predicted\n").append(" ".repeat(6));
    for (int i = 0; i < classes; i++) {
      text.append(String.format("%" + width + "d", i));
    }
    text.append("  precision  recall     f1\n");
    for (int i = 0; i < classes; i++) {
      text.append(String.format("%6d", i));
      for (long count : counts[i]) {
        text.append(String.format("%" + width + "d", count));
      }
      text.append(
          String.format("  %9s  %6s  %5s\n", share(precision(i)), share(recall(i)), share(f1(i))));
    }
    return text + "accuracy " + share(accuracy()) + " of " + total();
  }

  private static String share(double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.3f", value);
  }
}
