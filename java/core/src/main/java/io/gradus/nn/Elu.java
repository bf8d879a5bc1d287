package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#elu} as a layer. */
public final class Elu extends Module {

  private final double alpha;

  /** With alpha 1. */
  public Elu() {
    this(1);
  }

  /** It comes down to {@code -alpha}. */
  public Elu(double alpha) {
    this.alpha = alpha;
  }

  @Override
  public Tensor forward(Tensor x) {
    return Activations.elu(x, alpha);
  }

  @Override
  protected String settings() {
    return "alpha=" + alpha;
  }
}
