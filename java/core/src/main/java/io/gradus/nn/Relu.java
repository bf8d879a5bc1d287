package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#relu} as a layer. */
public final class Relu extends Module {

  /** Makes the layer, which has no parameters. */
  public Relu() {}

  @Override
  public Tensor forward(Tensor x) {
    return Activations.relu(x);
  }
}
