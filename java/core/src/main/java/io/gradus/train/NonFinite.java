package io.gradus.train;

/**
 * What a training does where a loss or a gradient is not finite, or a gradient too large; the step
 * has changed nothing then.
 */
public enum NonFinite {
  /** Ends with a {@link io.gradus.autograd.NonFiniteException}. */
  STOP,
  /** Counts the step as skipped and goes on with the next batch. */
  SKIP
}
