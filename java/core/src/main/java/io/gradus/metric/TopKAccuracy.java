package io.gradus.metric;

import io.gradus.tensor.Tensor;
import java.util.Map;

/**
 * The share of examples whose class is among the k with the largest scores, {@code top5Accuracy}
 * for 5. Of equal scores those of smaller classes come first, so that a model that gives all
 * classes one score is not right each time; NaN is the largest, as in argmax.
 */
public final class TopKAccuracy implements Metric {

  private final int k;
  private long right;
  private long total;

  /** With k, 1 or more. */
  public TopKAccuracy(int k) {
    if (k < 1) {
      throw new IllegalArgumentException("topKAccuracy: k must be positive: " + k);
    }
    this.k = k;
  }

  /**
   * Counts predictions.
   *
   * @param predictions scores (…, classes)
   * @param labels (…), I32 or I64; -100 is left out
   * @throws IndexOutOfBoundsException for a label outside the classes; then nothing is counted
   */
  @Override
  public void add(Tensor predictions, Tensor labels) {
    int classes = (int) Labels.checkScores("topKAccuracy", predictions, labels);
    long[] actual = Labels.withinOr("topKAccuracy: labels", labels, classes, -100);
    float[] scores = predictions.toFloats();
    for (int i = 0; i < actual.length; i++) {
      if (actual[i] >= 0) {
        right += before(scores, i * classes, classes, (int) actual[i]) < k ? 1 : 0;
        total++;
      }
    }
  }

  /** How many classes come before one. */
  private static int before(float[] scores, int row, int classes, int label) {
    int before = 0;
    for (int c = 0; c < classes; c++) {
      int order = Float.compare(scores[row + c] + 0f, scores[row + label] + 0f); // -0 is 0
      before += order > 0 || order == 0 && c < label ? 1 : 0;
    }
    return before;
  }

  @Override
  public Map<String, Double> values() {
    return Map.of("top" + k + "Accuracy", (double) right / total);
  }

  @Override
  public void reset() {
    right = 0;
    total = 0;
  }
}
