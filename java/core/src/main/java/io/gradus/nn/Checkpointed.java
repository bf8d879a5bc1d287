package io.gradus.nn;

/** A module whose parts can be computed again for their gradients, see {@code Tape.checkpoint}. */
public interface Checkpointed {

  /**
   * Whether each part keeps its input alone and is computed again when its gradient is wanted,
   * which takes less memory and up to a third more time (Chen et al. 2016). Off at first.
   */
  void checkpointing(boolean on);
}
