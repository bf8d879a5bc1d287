package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;

/**
 * Stochastic gradient descent, with momentum (Sutskever et al. 2013) if wanted, as in PyTorch:
 *
 * <pre>{@code
 * g = gradient + weightDecay · p
 * v = momentum · v + (1 - dampening) · g     v = g in the first step
 * p = p - rate · v                           with Nesterov: p - rate · (g + momentum · v)
 * }</pre>
 */
public final class Sgd extends Optimizer {

  private final double momentum;
  private final double dampening;
  private final boolean nesterov;

  private Sgd(Parameters parameters, Builder settings) {
    super(
        "sgd",
        parameters,
        settings,
        settings.momentum == 0 ? List.of() : List.of(Slot.of("momentum_buffer")));
    this.momentum = settings.momentum;
    this.dampening = settings.dampening;
    this.nesterov = settings.nesterov;
  }

  /** Settings; as they are at first, a step is {@code p - 0.001 · gradient}. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    p.values()
        .backend()
        .sgd(
            p.values().address(),
            gradients,
            momentum == 0 ? 0 : p.state(0).address(),
            p.values().size(),
            rate,
            momentum,
            dampening,
            p.settings().weightDecay(),
            nesterov,
            p.steps() == 0,
            scale,
            factor);
  }

  /** The settings of {@link Sgd}. */
  public static final class Builder extends Optimizer.Builder<Builder> {

    private double momentum;
    private double dampening;
    private boolean nesterov;

    private Builder() {
      super("sgd", 1e-3, 0);
    }

    /** How much of the last step's direction the next one keeps; 0 at first, below 1. */
    public Builder momentum(double momentum) {
      this.momentum = Hyperparameters.checkFraction("sgd", "momentum", momentum);
      return this;
    }

    /** How much less of the gradient enters the momentum; 0 at first, at most 1. */
    public Builder dampening(double dampening) {
      if (!(dampening >= 0 && dampening <= 1)) {
        throw new IllegalArgumentException("sgd: dampening must lie in [0, 1]: " + dampening);
      }
      this.dampening = dampening;
      return this;
    }

    /** Nesterov's form of momentum: looks one step ahead. */
    public Builder nesterov() {
      this.nesterov = true;
      return this;
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException also where Nesterov's form lacks momentum or has dampening
     */
    @Override
    public Sgd build(Parameters parameters) {
      if (nesterov && (momentum == 0 || dampening != 0)) {
        throw new IllegalArgumentException(
            "sgd: nesterov needs momentum and no dampening: momentum "
                + momentum
                + ", dampening "
                + dampening);
      }
      return new Sgd(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
