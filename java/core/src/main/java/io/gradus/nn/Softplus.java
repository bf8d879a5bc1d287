package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.op.Pointwise;
import io.gradus.tensor.Tensor;

/** {@code y = log(1 + e^(beta x)) / beta}: {@link Activations#softplus} as a layer. */
public final class Softplus extends Module {

  private final double beta;

  /** With beta 1. */
  public Softplus() {
    this(1);
  }

  /** The larger beta, the nearer to relu; above 0. */
  public Softplus(double beta) {
    if (!(beta > 0)) {
      throw new IllegalArgumentException("softplus: beta must be above 0: " + beta);
    }
    this.beta = beta;
  }

  @Override
  public Tensor forward(Tensor x) {
    return beta == 1
        ? Activations.softplus(x)
        : Pointwise.div(Activations.softplus(Pointwise.mul(x, beta)), beta);
  }

  @Override
  protected String settings() {
    return "beta=" + beta;
  }
}
