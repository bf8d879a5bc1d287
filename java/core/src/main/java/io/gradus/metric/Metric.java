package io.gradus.metric;

import io.gradus.tensor.Tensor;
import java.util.Map;

/** A figure that says how good predictions are, gathered batch by batch. */
public interface Metric {

  /**
   * Counts the predictions of a batch.
   *
   * @throws IllegalArgumentException where their shapes or types do not go together; then nothing
   *     is counted
   */
  void add(Tensor predictions, Tensor targets);

  /** What it comes to so far, by name: {@code accuracy}. NaN where nothing was counted. */
  Map<String, Double> values();

  /** Forgets what was counted. */
  void reset();
}
