package io.gradus.nn;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * Sets whole channels to zero with probability {@code p} and multiplies the others by {@code 1 / (1
 * - p)}, in training only (Tompson et al. 2015): neighbours in a feature map are so much alike that
 * single elements are not missed. Input and output are (batch, channels, height, width).
 */
public final class Dropout2d extends DroppingLayer {

  /** Drops with probability {@code p}, in [0, 1]. */
  public Dropout2d(double p, Seed seed) {
    super("dropout2d", p, seed);
  }

  @Override
  void check(Tensor x) {
    checkAxes(x, x.rank() == 4, "(batch, channels, height, width)");
  }

  @Override
  Tensor drop(Tensor x, double p, Seed seed) {
    return dropTogether(x, 2, p, seed);
  }
}
