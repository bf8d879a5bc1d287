package io.gradus.nn;

import java.util.function.Supplier;

/** The name of an activation, for the configuration of a model. */
public enum Activation {
  RELU(Relu::new),
  GELU(Gelu::new),
  SILU(Silu::new),
  SIGMOID(Sigmoid::new),
  TANH(Tanh::new),
  LEAKY_RELU(LeakyRelu::new),
  ELU(Elu::new),
  SOFTPLUS(Softplus::new);

  private final Supplier<Module> layer;

  Activation(Supplier<Module> layer) {
    this.layer = layer;
  }

  /** A layer that computes it. */
  public Module layer() {
    return layer.get();
  }
}
