package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#relu} as a layer. */
public final class Relu extends Module {

  /** It has no settings. */
  public Relu() {}

  @Override
  public Tensor forward(Tensor x) {
    return Activations.relu(x);
  }
}
