package io.gradus.nn;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * Sets whole examples to zero with probability {@code p} and multiplies the others by {@code 1 / (1
 * - p)}, in training only: on the branch of a residual block this is stochastic depth (Huang et al.
 * 2016), which leaves blocks out. Input and output are (batch, …).
 */
public final class DropPath extends Module {

  private final double p;
  private final Draws draws;

  /** Drops with probability {@code p}, in [0, 1]. */
  public DropPath(double p, Seed seed) {
    Masks.checkProbability("dropPath", p);
    this.p = p;
    this.draws = draws("draws", seed);
  }

  @Override
  public Tensor forward(Tensor x) {
    if (x.rank() < 1) {
      throw new IllegalArgumentException("dropPath: the input must be (batch, …): " + x.shape());
    }
    return isTraining() && p > 0 ? Masks.drop(x, 1, p, draws.next()) : x;
  }

  @Override
  protected String settings() {
    return "p=" + p;
  }
}
