package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#silu} as a layer. */
public final class Silu extends Module {

  /** It has no settings. */
  public Silu() {}

  @Override
  public Tensor forward(Tensor x) {
    return Activations.silu(x);
  }
}
