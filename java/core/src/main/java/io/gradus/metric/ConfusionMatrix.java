package io.gradus.metric;

import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntToDoubleFunction;

/**
 * Counts which classes a model takes for which; accuracy, precision, recall and F1 follow, for each
 * class and averaged. As a metric it gives the macro averages.
 */
public final class ConfusionMatrix implements Metric {

  /** How the figures of the classes become one. */
  public enum Average {
    /**
     * Their mean: each class counts alike. As in scikit-learn, classes neither seen nor predicted
     * are left out, and a share of nothing is 0.
     */
    MACRO,
    /** Of all predictions together, where each example has one class: the accuracy. */
    MICRO,
    /** Their mean weighted by how many examples each class has; a share of nothing is 0. */
    WEIGHTED
  }

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
  @Override
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
    long[] actual = Labels.within("confusionMatrix: labels", labels, classes);
    long[] predicted = Labels.predicted("confusionMatrix: predictions", predictions, classes);
    for (int i = 0; i < actual.length; i++) {
      counts[(int) actual[i]][(int) predicted[i]]++;
    }
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

  /** The precision of all classes; NaN where nothing was counted. */
  public double precision(Average average) {
    return average(average, this::precision);
  }

  /** The recall of all classes; NaN where nothing was counted. */
  public double recall(Average average) {
    return average(average, this::recall);
  }

  /** The F1 of all classes; NaN where nothing was counted. */
  public double f1(Average average) {
    return average(average, this::f1);
  }

  private double average(Average average, IntToDoubleFunction figure) {
    if (average == Average.MICRO) {
      return accuracy();
    }
    double sum = 0;
    double weights = 0;
    for (int i = 0; i < classes; i++) {
      boolean met = actual(i) > 0 || predicted(i) > 0;
      double weight = average == Average.WEIGHTED ? actual(i) : met ? 1 : 0;
      double value = figure.applyAsDouble(i);
      sum += Double.isNaN(value) ? 0 : weight * value;
      weights += weight;
    }
    return sum / weights;
  }

  /**
   * {@code accuracy}, and of all classes, macro-averaged, {@code precision}, {@code recall}, {@code
   * f1}.
   */
  @Override
  public Map<String, Double> values() {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("accuracy", accuracy());
    values.put("precision", precision(Average.MACRO));
    values.put("recall", recall(Average.MACRO));
    values.put("f1", f1(Average.MACRO));
    return values;
  }

  @Override
  public void reset() {
    for (long[] row : counts) {
      Arrays.fill(row, 0);
    }
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
