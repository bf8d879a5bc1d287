package io.gradus.metric;

import io.gradus.tensor.Tensor;
import java.util.Map;

/** The share of right predictions, {@code accuracy}. */
public final class Accuracy implements Metric {

  private final long ignored;
  private long right;
  private long total;

  /** Leaves out what is labelled -100, as {@link io.gradus.op.Losses#crossEntropy} does. */
  public Accuracy() {
    this(-100);
  }

  /** Leaves out what carries another label. */
  public Accuracy(long ignored) {
    this.ignored = ignored;
  }

  /**
   * Counts predictions.
   *
   * @param predictions scores (…, classes), of which the largest counts, or classes (…), I32 or I64
   * @param labels (…), I32 or I64
   */
  @Override
  public void add(Tensor predictions, Tensor labels) {
    if (predictions.dtype().isFloating()) {
      Labels.checkScores("accuracy", predictions, labels);
    } else if (!predictions.shape().equals(labels.shape())) {
      throw new IllegalArgumentException(
          "accuracy: there must be one label for each class predicted: "
              + predictions.describe()
              + " and "
              + labels.describe());
    }
    long[] actual = Labels.of("accuracy: labels", labels);
    long[] predicted = Labels.predicted("accuracy: predictions", predictions);
    for (int i = 0; i < actual.length; i++) {
      if (actual[i] != ignored) {
        right += actual[i] == predicted[i] ? 1 : 0;
        total++;
      }
    }
  }

  @Override
  public Map<String, Double> values() {
    return Map.of("accuracy", (double) right / total);
  }

  @Override
  public void reset() {
    right = 0;
    total = 0;
  }
}
