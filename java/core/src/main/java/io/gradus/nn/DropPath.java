package io.gradus.nn;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * Sets whole examples to zero with probability {@code p} and multiplies the others by {@code 1 / (1
 * - p)}, in training only: on the branch of a residual block this is stochastic depth (Huang et al.
 * 2016), which leaves blocks out. Input and output are (batch, …).
 */
public final class DropPath extends DroppingLayer {

  /** Drops with probability {@code p}, in [0, 1]. */
  public DropPath(double p, Seed seed) {
    super("dropPath", p, seed);
  }

  @Override
  void check(Tensor x) {
    checkAxes(x, x.rank() > 0, "(batch, …)");
  }

  @Override
  Tensor drop(Tensor x, double p, Seed seed) {
    return dropTogether(x, 1, p, seed);
  }
}
