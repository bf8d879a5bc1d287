package io.gradus.nn;

import io.gradus.op.Random;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * Sets elements to zero with probability {@code p} and multiplies the others by {@code 1 / (1 -
 * p)}, in training only (Srivastava et al. 2014). Input and output have the same shape.
 *
 * <p>Each call draws another mask from the seed, in the order of the calls.
 */
public final class Dropout extends Module {

  private final double p;
  private final Draws draws;

  /** Drops with probability {@code p}, in [0, 1]. */
  public Dropout(double p, Seed seed) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("dropout: the probability must lie in [0, 1]: " + p);
    }
    this.p = p;
    this.draws = draws("draws", seed);
  }

  @Override
  public Tensor forward(Tensor x) {
    return isTraining() && p > 0 ? Random.dropout(x, p, draws.next()) : x;
  }

  @Override
  protected String settings() {
    return "p=" + p;
  }
}
