package io.gradus.nn;

import io.gradus.op.Comparisons;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Dropout for self-normalizing networks (Klambauer et al. 2017): sets elements with probability
 * {@code p} to what the activation selu comes down to, -1.758, then scales and shifts so that a
 * mean of 0 and a variance of 1 stay, in training only. Input and output have the same shape.
 */
public final class AlphaDropout extends DroppingLayer {

  /** What selu comes down to: minus its scale times its alpha. */
  private static final double SATURATED = -1.0507009873554805 * 1.6732632423543772;

  /** Drops with probability {@code p}, in [0, 1]. */
  public AlphaDropout(double p, Seed seed) {
    super("alphaDropout", p, seed);
  }

  @Override
  Tensor drop(Tensor x, double p, Seed seed) {
    Tensor ones = Tensor.full(1, x.shape(), x.dtype(), x.device());
    Tensor kept = Comparisons.greater(Random.dropout(ones, p, seed), 0);
    Tensor saturated = Tensor.full(SATURATED, Shape.of(), x.dtype(), x.device());
    Tensor dropped = Comparisons.where(kept, x, saturated);
    double scale = p == 1 ? 0 : 1 / Math.sqrt((1 - p) * (1 + p * SATURATED * SATURATED));
    return Pointwise.add(Pointwise.mul(dropped, scale), -scale * SATURATED * p);
  }
}
