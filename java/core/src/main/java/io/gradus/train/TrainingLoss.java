package io.gradus.train;

import io.gradus.tensor.Tensor;

/** A loss of predictions and targets, such as {@code Losses::crossEntropy}. */
@FunctionalInterface
public interface TrainingLoss {

  /** The loss, a scalar. */
  Tensor of(Tensor predictions, Tensor targets);
}
