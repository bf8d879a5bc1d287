package io.gradus.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * Hears how a training goes, and may ask for something through its control. Of each trainer it
 * learns the {@linkplain Trainer#state() state}, the model and the arguments.
 */
public interface TrainerCallback {

  /** A training begins, or goes on. */
  default void onTrainBegin(Trainer<?> trainer, TrainerControl control) throws IOException {}

  /** It ended, as it should. */
  default void onTrainEnd(Trainer<?> trainer, TrainerControl control) throws IOException {}

  /** An epoch begins. */
  default void onEpochBegin(Trainer<?> trainer, TrainerControl control) throws IOException {}

  /** An epoch ended; its last step was taken. */
  default void onEpochEnd(Trainer<?> trainer, TrainerControl control) throws IOException {}

  /** A step was taken, or skipped. */
  default void onStepEnd(Trainer<?> trainer, TrainerControl control) throws IOException {}

  /**
   * The model was evaluated.
   *
   * @param metrics such as {@code eval_loss} and {@code eval_accuracy}
   */
  default void onEvaluate(Trainer<?> trainer, TrainerControl control, Map<String, Double> metrics)
      throws IOException {}

  /** A checkpoint was written. */
  default void onSave(Trainer<?> trainer, TrainerControl control, Path checkpoint)
      throws IOException {}

  /**
   * Figures were logged.
   *
   * @param values such as {@code loss}, {@code grad_norm}, {@code learning_rate}, {@code epoch}
   */
  default void onLog(Trainer<?> trainer, TrainerControl control, Map<String, Double> values)
      throws IOException {}

  /** What a checkpoint has to hold, so that this callback can go on from it, by name. */
  default Map<String, String> state() {
    return Map.of();
  }

  /**
   * Goes on from what {@link #state} gave.
   *
   * @throws IllegalArgumentException where it is broken
   */
  default void restore(Map<String, String> state) {}
}
