package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#gelu} as a layer. */
public final class Gelu extends Module {

  /** It has no settings. */
  public Gelu() {}

  @Override
  public Tensor forward(Tensor x) {
    return Activations.gelu(x);
  }
}
