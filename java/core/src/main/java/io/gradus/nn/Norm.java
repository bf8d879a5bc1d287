package io.gradus.nn;

import io.gradus.op.Normalization;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/** A layer that brings each row of its input to a common scale. */
public abstract sealed class Norm extends Module permits LayerNorm, RmsNorm {

  Norm() {}

  /**
   * Adds a branch to the residual stream and normalizes the sum, in one pass.
   *
   * @param x the branch, of which elements are dropped with probability {@code p} first
   * @param p 0 for no dropout
   * @param seed decides what is dropped; ignored where nothing is
   */
  public final Normalization.Residual add(Tensor x, Tensor residual, double p, Seed seed) {
    return call(x, in -> added(in, residual, p, seed), Normalization.Residual::normalized);
  }

  abstract Normalization.Residual added(Tensor x, Tensor residual, double p, Seed seed);
}
