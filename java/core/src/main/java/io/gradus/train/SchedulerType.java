package io.gradus.train;

import io.gradus.optim.ReduceOnPlateau;
import io.gradus.optim.Schedule;

/**
 * How the learning rate goes after the warm-up, in which it rises linearly; below, {@code u} grows
 * from 0 behind the warm-up to 1 at the last step.
 */
public enum SchedulerType {
  /** {@code 1 - u}. */
  LINEAR {
    @Override
    double share(double u, long steps, long warmup) {
      return 1 - u;
    }
  },
  /** {@code (1 + cos(π · u)) / 2} (Loshchilov and Hutter 2017). */
  COSINE {
    @Override
    double share(double u, long steps, long warmup) {
      return (1 + Math.cos(Math.PI * u)) / 2;
    }
  },
  /** {@code (1 - u)²}. */
  POLYNOMIAL {
    @Override
    double share(double u, long steps, long warmup) {
      return (1 - u) * (1 - u);
    }
  },
  /** The same rate always, and no warm-up. */
  CONSTANT {
    @Override
    double share(double u, long steps, long warmup) {
      return 1;
    }
  },
  /** The same rate after the warm-up. */
  CONSTANT_WITH_WARMUP {
    @Override
    double share(double u, long steps, long warmup) {
      return 1;
    }
  },
  /**
   * {@code √(w / s)} with {@code w} steps of warm-up, after {@code s} steps (Vaswani et al. 2017).
   */
  INVERSE_SQRT {
    @Override
    double share(double u, long steps, long warmup) {
      double from = Math.max(1, warmup);
      return Math.sqrt(from / Math.max(from, steps));
    }
  },
  /**
   * The same rate after the warm-up, times a factor each time that evaluations have not improved
   * for a while: a {@link ReduceOnPlateau}, which the {@link Trainer} tells the figure that the
   * arguments name for the best model.
   */
  REDUCE_ON_PLATEAU {
    @Override
    double share(double u, long steps, long warmup) {
      return 1;
    }
  };

  /** The share of the highest rate. */
  abstract double share(double u, long steps, long warmup);

  /**
   * The learning rate of each step: {@code peak · (s + 1) / (warmup + 1)} in the warm-up.
   *
   * @param peak the highest rate
   * @param warmup steps over which it rises
   * @param total the number of steps
   * @return a {@link ReduceOnPlateau} of its own where it is one, which remembers what it observes
   */
  public Schedule schedule(double peak, long warmup, long total) {
    if (this == CONSTANT) {
      return Schedule.constant(peak);
    }
    double span = Math.max(1, total - warmup);
    Schedule rates =
        steps ->
            steps < warmup
                ? peak * (steps + 1.0) / (warmup + 1.0)
                : peak * share(Math.min(1, (steps - warmup) / span), steps, warmup);
    return this == REDUCE_ON_PLATEAU ? ReduceOnPlateau.of(rates) : rates;
  }
}
