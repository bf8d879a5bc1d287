package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#sigmoid} as a layer. */
public final class Sigmoid extends Module {

  /** It has no settings. */
  public Sigmoid() {}

  @Override
  public Tensor forward(Tensor x) {
    return Activations.sigmoid(x);
  }
}
