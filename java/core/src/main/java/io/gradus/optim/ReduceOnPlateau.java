package io.gradus.optim;

import java.util.Objects;

/**
 * The rates of another schedule, multiplied by a factor whenever a metric has not improved for some
 * time, as PyTorch's ReduceLROnPlateau.
 *
 * <pre>{@code
 * ReduceOnPlateau plateau = ReduceOnPlateau.of(Schedule.constant(0.1)).factor(0.5).patience(3);
 * Optimizer sgd = Sgd.builder().learningRate(plateau).build(model.parameters());
 * for (int epoch = 0; epoch < 50; epoch++) {
 *   train(sgd);
 *   plateau.observe(validationLoss());
 * }
 * }</pre>
 *
 * <p>In a {@code Trainer} it observes each evaluation and is part of each checkpoint by itself.
 * Elsewhere its {@link #state()} belongs into one. Not for several threads at once.
 */
public final class ReduceOnPlateau implements Schedule {

  /**
   * What it remembers.
   *
   * @param factor what multiplies the rates
   * @param best the best metric so far; NaN before the first
   * @param bad how many metrics in a row were no better
   * @param cooling how many of the next metrics do not count as bad
   */
  public record State(double factor, double best, long bad, long cooling) {

    /** Checks that one can have come to it. */
    public State {
      if (!(factor > 0 && factor <= 1) || bad < 0 || cooling < 0) {
        throw new IllegalArgumentException(
            "plateau: this is no state of one: factor "
                + factor
                + ", bad "
                + bad
                + ", cooling "
                + cooling);
      }
    }
  }

  private final Schedule rates;
  private double factor = 0.1;
  private long patience = 10;
  private double threshold = 1e-4;
  private boolean absolute;
  private long cooldown;
  private double least;
  private boolean higherIsBetter;
  private State state = new State(1, Double.NaN, 0, 0);

  private ReduceOnPlateau(Schedule rates) {
    this.rates = Objects.requireNonNull(rates, "schedule");
  }

  /**
   * For a metric that is to fall, with a factor of 0.1 after more than 10 metrics without an
   * improvement of 1e-4 of the best.
   */
  public static ReduceOnPlateau of(Schedule rates) {
    return new ReduceOnPlateau(rates);
  }

  // Settings

  /** What the rate is multiplied by; in (0, 1). */
  public ReduceOnPlateau factor(double factor) {
    if (!(factor > 0 && factor < 1)) {
      throw new IllegalArgumentException("plateau: factor must lie in (0, 1): " + factor);
    }
    this.factor = factor;
    return this;
  }

  /** How many metrics in a row may be no better. */
  public ReduceOnPlateau patience(long patience) {
    this.patience = checkCount("patience", patience);
    return this;
  }

  /** By which part of the best a better metric differs from it. */
  public ReduceOnPlateau threshold(double part) {
    this.threshold = Hyperparameters.checkNotNegative("plateau", "threshold", part);
    this.absolute = false;
    return this;
  }

  /** By how much a better metric differs from the best. */
  public ReduceOnPlateau absoluteThreshold(double difference) {
    this.threshold = Hyperparameters.checkNotNegative("plateau", "threshold", difference);
    this.absolute = true;
    return this;
  }

  /** How many metrics after a reduction do not count as bad; 0 at first. */
  public ReduceOnPlateau cooldown(long cooldown) {
    this.cooldown = checkCount("cooldown", cooldown);
    return this;
  }

  /** What the rate is not reduced below; 0 at first. */
  public ReduceOnPlateau least(double rate) {
    this.least = Hyperparameters.checkRate("plateau", rate);
    return this;
  }

  /** For a metric that is to rise, such as an accuracy. */
  public ReduceOnPlateau higherIsBetter() {
    this.higherIsBetter = true;
    return this;
  }

  private static long checkCount(String name, long count) {
    if (count < 0) {
      throw new IllegalArgumentException("plateau: " + name + " must not be negative: " + count);
    }
    return count;
  }

  // Use

  /**
   * Takes notice of a metric, as after an epoch; NaN is no improvement.
   *
   * @return whether the rate was reduced
   */
  public boolean observe(double metric) {
    boolean better = isBetter(metric);
    double best = better ? metric : state.best();
    long bad = better || state.cooling() > 0 ? 0 : state.bad() + 1;
    long cooling = Math.max(0, state.cooling() - 1);
    boolean reduced = bad > patience;
    state =
        reduced
            ? new State(Math.max(Double.MIN_VALUE, state.factor() * factor), best, 0, cooldown)
            : new State(state.factor(), best, bad, cooling);
    return reduced;
  }

  private boolean isBetter(double metric) {
    double best = state.best();
    if (Double.isNaN(best) || Double.isNaN(metric)) {
      return !Double.isNaN(metric);
    }
    double margin = absolute ? threshold : threshold * best;
    return higherIsBetter ? metric > best + margin : metric < best - margin;
  }

  @Override
  public double at(long steps) {
    double rate = rates.at(steps);
    return Math.max(rate * state.factor(), Math.min(rate, least));
  }

  /** What it remembers, for a checkpoint. */
  public State state() {
    return state;
  }

  /** Goes on from where another one was. */
  public void restore(State state) {
    this.state = Objects.requireNonNull(state, "state");
  }
}
