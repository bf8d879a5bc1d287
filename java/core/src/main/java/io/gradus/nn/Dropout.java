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
public final class Dropout extends DroppingLayer {

  /** Drops with probability {@code p}, in [0, 1]. */
  public Dropout(double p, Seed seed) {
    super("dropout", p, seed);
  }

  @Override
  Tensor drop(Tensor x, double p, Seed seed) {
    return Random.dropout(x, p, seed);
  }
}
