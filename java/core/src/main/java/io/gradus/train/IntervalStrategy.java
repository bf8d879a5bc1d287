package io.gradus.train;

/** When a training logs, evaluates or saves. */
public enum IntervalStrategy {
  /** Never. */
  NO,
  /** After each so many steps. */
  STEPS,
  /** After each epoch. */
  EPOCH
}
