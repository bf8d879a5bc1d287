package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#relu} as a layer. */
public final class Relu extends Module {

  @Override
  public Tensor forward(Tensor x) {
    return Activations.relu(x);
  }
}
