package io.gradus.nn;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * Sets whole channels to zero with probability {@code p} and multiplies the others by {@code 1 / (1
 * - p)}, in training only (Tompson et al. 2015): neighbours in a feature map are so much alike that
 * single elements are not missed. Input and output are (batch, channels, length).
 */
public final class Dropout1d extends Module {

  private final double p;
  private final Draws draws;

  /** Drops with probability {@code p}, in [0, 1]. */
  public Dropout1d(double p, Seed seed) {
    Masks.checkProbability("dropout1d", p);
    this.p = p;
    this.draws = draws("draws", seed);
  }

  @Override
  public Tensor forward(Tensor x) {
    Masks.checkAxes("dropout1d", x, 3, "(batch, channels, length)");
    return isTraining() && p > 0 ? Masks.drop(x, 2, p, draws.next()) : x;
  }

  @Override
  protected String settings() {
    return "p=" + p;
  }
}
