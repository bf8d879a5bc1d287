package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#leakyRelu} as a layer. */
public final class LeakyRelu extends Module {

  private final double slope;

  /** With a slope of 0.01 below 0, as in PyTorch. */
  public LeakyRelu() {
    this(0.01);
  }

  /** With another slope below 0. */
  public LeakyRelu(double slope) {
    this.slope = slope;
  }

  @Override
  public Tensor forward(Tensor x) {
    return Activations.leakyRelu(x, slope);
  }

  @Override
  protected String settings() {
    return "slope=" + slope;
  }
}
