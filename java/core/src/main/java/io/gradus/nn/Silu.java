package io.gradus.nn;

import io.gradus.op.Activations;
import io.gradus.tensor.Tensor;

/** {@link Activations#silu} as a layer. */
public final class Silu extends Module {

  /** Makes the layer, which has no parameters. */
  public Silu() {}

  @Override
  public Tensor forward(Tensor x) {
    return Activations.silu(x);
  }
}
