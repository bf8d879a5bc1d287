package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#tanh} as a layer. */
public final class Tanh extends Module {

  /** It has no settings. */
  public Tanh() {}

  @Override
  public Tensor forward(Tensor x) {
    return Activations.tanh(x);
  }
}
