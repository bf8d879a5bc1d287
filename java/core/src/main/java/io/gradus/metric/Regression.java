package io.gradus.metric;

import io.gradus.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How far predicted numbers lie from the true ones: {@code mse}, the mean squared error, {@code
 * rmse}, its root, {@code mae}, the mean absolute error, and {@code r2}, the share {@code 1 - Σ (y
 * - t)² / Σ (t - mean t)²} of the targets' variance that predictions explain. Of several outputs r2
 * is the mean of theirs; where targets are all the same it is -infinity, or NaN for perfect ones.
 */
public final class Regression implements Metric {

  private long examples;
  private double[] squares = new double[0]; // of each output's errors
  private double[] mean = new double[0]; // of the targets
  private double[] spread = new double[0]; // Σ (t - mean)²
  private double absolute;

  /** Nothing counted yet. */
  public Regression() {}

  /**
   * Counts predictions.
   *
   * @param predictions (n) or (n, outputs), floating
   * @param targets of the same shape
   */
  @Override
  public void add(Tensor predictions, Tensor targets) {
    int outputs = (int) (predictions.rank() == 2 ? predictions.dim(1) : 1);
    if (predictions.rank() < 1
        || predictions.rank() > 2
        || !predictions.shape().equals(targets.shape())
        || examples > 0 && outputs != squares.length) {
      throw new IllegalArgumentException(
          "regression: predictions and targets must both be (n) or (n, outputs)"
              + (examples > 0 ? ", with as many outputs as before, " + squares.length : "")
              + ": "
              + predictions.describe()
              + " and "
              + targets.describe());
    }
    if (examples == 0) {
      squares = new double[outputs];
      mean = new double[outputs];
      spread = new double[outputs];
    }
    float[] y = predictions.toFloats();
    float[] t = targets.toFloats();
    for (int i = 0; i < y.length; i++) {
      int output = i % outputs;
      examples += output == 0 ? 1 : 0;
      double error = (double) y[i] - t[i];
      squares[output] += error * error;
      absolute += Math.abs(error);
      double before = t[i] - mean[output]; // Welford 1962
      mean[output] += before / examples;
      spread[output] += before * (t[i] - mean[output]);
    }
  }

  @Override
  public Map<String, Double> values() {
    double sum = 0;
    double explained = 0;
    for (int i = 0; i < squares.length; i++) {
      sum += squares[i];
      explained += 1 - squares[i] / spread[i];
    }
    double count = (double) examples * squares.length;
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("mse", sum / count);
    values.put("rmse", Math.sqrt(sum / count));
    values.put("mae", absolute / count);
    values.put("r2", explained / squares.length);
    return values;
  }

  @Override
  public void reset() {
    examples = 0;
    squares = new double[0];
    absolute = 0;
  }
}
