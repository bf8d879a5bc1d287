package io.gradus.optim;

import io.gradus.tensor.Tensor;
import java.util.Map;

/**
 * What remembers something from step to step that a checkpoint must hold, so that a training that
 * goes on from it takes the steps that it would have taken.
 */
public sealed interface Resumable permits Optimizer, ClosureOptimizer {

  /** How many steps were taken. */
  long steps();

  /** The learning rate of the next step. */
  double learningRate();

  /** The learning rates of its steps. */
  Schedule schedule();

  /**
   * All that it remembers, by name. The tensors share its memory: to write them is to change its
   * state. They are its own until a parameter is frozen or unfrozen.
   */
  Map<String, Tensor> state();

  /** How many updates each parameter has had: fewer than {@link #steps()} where it joined late. */
  Map<String, Long> updates();

  /**
   * Counts steps as another one of the same kind and parameters did. With its {@link #state()}
   * copied into this one's afterwards, the next step is the one that it would have taken.
   *
   * @param steps its {@link #steps()}
   * @param updates its {@link #updates()}
   * @throws IllegalArgumentException where the names differ or the counts cannot be; then nothing
   *     has changed
   */
  void restore(long steps, Map<String, Long> updates);
}
