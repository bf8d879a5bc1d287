package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;

/**
 * Adam by the infinity norm (Kingma and Ba 2015), as in PyTorch; {@code t} counts steps from 1:
 *
 * <pre>{@code
 * g = gradient + weightDecay · p
 * m = beta1 · m + (1 - beta1) · g
 * u = max(beta2 · u, |g| + epsilon)
 * p = p - rate / (1 - beta1ᵗ) · m / u
 * }</pre>
 */
public final class Adamax extends Optimizer {

  private final MomentBuilder.Moments moments;

  private Adamax(Parameters parameters, Builder settings) {
    super("adamax", parameters, settings, List.of(Slot.of("exp_avg"), Slot.of("exp_inf")));
    this.moments = settings.moments();
  }

  /** Settings; at first a rate of 0.002, betas of 0.9 and 0.999, epsilon 1e-8 and no decay. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    p.values()
        .backend()
        .adamax(
            p.values().address(),
            gradients,
            p.state(0).address(),
            p.state(1).address(),
            p.values().size(),
            rate,
            moments.beta1(),
            moments.beta2(),
            moments.epsilon(),
            p.settings().weightDecay(),
            p.steps() + 1,
            scale,
            factor);
  }

  /** The settings of {@link Adamax}. */
  public static final class Builder extends MomentBuilder<Builder> {

    private Builder() {
      super("adamax", 2e-3, 0);
    }

    @Override
    public Adamax build(Parameters parameters) {
      return new Adamax(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
