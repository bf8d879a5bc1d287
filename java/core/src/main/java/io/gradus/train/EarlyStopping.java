package io.gradus.train;

/**
 * Stops a run when a metric no longer improves. It is told the metric after each evaluation:
 *
 * <pre>{@code
 * EarlyStopping stopping = EarlyStopping.min(3, 1e-3);
 * do {
 *   trainAnEpoch();
 * } while (!stopping.stopsAfter(validationLoss()));
 * }</pre>
 *
 * <p>{@link #state()} goes into a checkpoint, and {@link #restore} goes on from there.
 */
public final class EarlyStopping {

  /** Which way is better. */
  public enum Mode {
    /** A smaller value, such as a loss. */
    MIN,
    /** A larger value, such as an accuracy. */
    MAX
  }

  /**
   * What has been seen so far.
   *
   * @param best the best value; NaN before the first
   * @param bestEvaluation at which evaluation it was seen, from 1 on; 0 before the first
   * @param evaluations how many there were
   */
  public record State(double best, long bestEvaluation, long evaluations) {

    /** Checks that the numbers can have been counted. */
    public State {
      if (bestEvaluation < 0 || evaluations < bestEvaluation) {
        throw new IllegalArgumentException(
            "earlyStopping: the best evaluation must be one that there was: "
                + bestEvaluation
                + " of "
                + evaluations);
      }
    }
  }

  private static final State START = new State(Double.NaN, 0, 0);

  private final int patience;
  private final double minDelta;
  private final Mode mode;
  private State state = START;

  /**
   * Stops after {@code patience} evaluations in a row that did not improve the best value by more
   * than {@code minDelta}.
   *
   * @param patience 1 or more
   * @param minDelta 0 or more
   */
  public EarlyStopping(int patience, double minDelta, Mode mode) {
    if (patience < 1) {
      throw new IllegalArgumentException("earlyStopping: patience must be positive: " + patience);
    }
    if (!(minDelta >= 0 && minDelta < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "earlyStopping: the least improvement must not be negative: " + minDelta);
    }
    this.patience = patience;
    this.minDelta = minDelta;
    this.mode = mode;
  }

  /** For a value that is better the smaller it is, such as a loss. */
  public static EarlyStopping min(int patience, double minDelta) {
    return new EarlyStopping(patience, minDelta, Mode.MIN);
  }

  /** For a value that is better the larger it is, such as an accuracy. */
  public static EarlyStopping max(int patience, double minDelta) {
    return new EarlyStopping(patience, minDelta, Mode.MAX);
  }

  /**
   * Counts an evaluation.
   *
   * @param value NaN is worse than any number
   * @return whether to stop
   */
  public boolean stopsAfter(double value) {
    long evaluations = state.evaluations() + 1;
    state =
        improves(value)
            ? new State(value, evaluations, evaluations)
            : new State(state.best(), state.bestEvaluation(), evaluations);
    return stops();
  }

  private boolean improves(double value) {
    if (Double.isNaN(value) || Double.isNaN(state.best())) {
      return !Double.isNaN(value);
    }
    return mode == Mode.MIN ? value < state.best() - minDelta : value > state.best() + minDelta;
  }

  /** Whether the patience is at its end. */
  public boolean stops() {
    return evaluationsSinceBest() >= patience;
  }

  /** How many evaluations there were since the best one. */
  public long evaluationsSinceBest() {
    return state.evaluations() - state.bestEvaluation();
  }

  /** The best value so far; NaN before the first. */
  public double best() {
    return state.best();
  }

  /** Whether the last evaluation was the best one: the time to save the model. */
  public boolean isBest() {
    return state.evaluations() > 0 && evaluationsSinceBest() == 0;
  }

  /** What a checkpoint holds of it. */
  public State state() {
    return state;
  }

  /** Goes on from a state. */
  public void restore(State state) {
    this.state = state;
  }
}
