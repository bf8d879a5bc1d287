package io.gradus.cli;

import io.gradus.train.SchedulerType;
import java.util.Locale;

/** How the learning rate goes after its warm-up. */
enum Scheduler {
  cosine,
  linear,
  polynomial,
  inverse_sqrt,
  constant,
  reduce_on_plateau;

  /** How the trainer calls it. */
  SchedulerType type() {
    return this == constant
        ? SchedulerType.CONSTANT_WITH_WARMUP
        : SchedulerType.valueOf(name().toUpperCase(Locale.ROOT));
  }
}
