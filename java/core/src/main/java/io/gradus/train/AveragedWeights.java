package io.gradus.train;

import io.gradus.nn.Module;
import io.gradus.optim.Averaged;
import io.gradus.optim.ExponentialMovingAverage;
import java.util.function.Supplier;

/**
 * The moving average of the weights of a training whose arguments ask for one. It is in the model
 * while that is evaluated and once the training has ended; else the weights that learn are.
 */
final class AveragedWeights {

  private final Module model;
  private final double decay;
  private ExponentialMovingAverage average; // null until it begins, and where there is none
  private Averaged.Swap shown; // null while the weights that learn are in the model

  /**
   * @param decay 0 for no average
   */
  AveragedWeights(Module model, double decay) {
    this.model = model;
    this.decay = decay;
  }

  /** The weights that learn are in the model afterwards, with which the average begins. */
  void begin() {
    if (shown != null) {
      shown.close();
      shown = null;
    }
    if (average == null) {
      restart();
    }
  }

  /** Begins with the weights that are in the model. */
  void restart() {
    average = decay > 0 ? ExponentialMovingAverage.withWarmup(model, decay) : null;
  }

  /** Takes notice of a step. */
  void update() {
    if (average != null) {
      average.update();
    }
  }

  /** Looks at the model with the averages in it. */
  @SuppressWarnings("try") // the swap only has to close
  <T> T look(Supplier<T> evaluation) {
    if (average == null || shown != null) {
      return evaluation.get();
    }
    try (Averaged.Swap swap = average.swap()) {
      return evaluation.get();
    }
  }

  /** Leaves the averages in the model until a training begins again. */
  void show() {
    if (average != null && shown == null) {
      shown = average.swap();
    }
  }

  /** What a checkpoint has to hold; null for nothing. */
  ExponentialMovingAverage average() {
    return average;
  }
}
