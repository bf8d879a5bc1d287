package io.gradus.optim;

import io.gradus.nn.Module;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;

/**
 * Stochastic weight averaging (Izmailov et al. 2018): the plain mean of the parameters at several
 * points of a training with a constant or cyclic learning rate, as after each of its last epochs.
 *
 * <p>Buffers are the model's at the last update. Running statistics, as of batch normalization, do
 * not fit averaged weights: {@link #reestimate} finds those that do.
 */
public final class StochasticWeightAverage extends Averaged {

  private StochasticWeightAverage(Module model) {
    super("average", model);
  }

  /** The mean of no model yet. */
  public static StochasticWeightAverage of(Module model) {
    return new StochasticWeightAverage(model);
  }

  @Override
  boolean averagesBuffers() {
    return false;
  }

  @Override
  double weight(long updates) {
    return 1.0 / (updates + 1);
  }

  /**
   * Lets a model that has the averages see batches as in training, without learning, so that its
   * running statistics become those of its weights. A momentum of 0.1 wants some 50 batches.
   */
  @SuppressWarnings("try") // the scope only has to close
  public static void reestimate(Module model, Iterable<Tensor> batches) {
    boolean training = model.isTraining();
    model.train();
    try {
      for (Tensor batch : batches) {
        try (Scope scope = Scope.open()) {
          model.forward(batch);
        }
      }
    } finally {
      if (!training) {
        model.eval();
      }
    }
  }
}
