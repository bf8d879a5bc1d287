package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;

/**
 * Rectified Adam (Liu et al. 2020), as in PyTorch: without adapting to squares in the first steps,
 * when too few were seen; {@code t} counts steps from 1:
 *
 * <pre>{@code
 * g = gradient + weightDecay · p
 * m = beta1 · m + (1 - beta1) · g
 * v = beta2 · v + (1 - beta2) · g²
 * ρ = 2 / (1 - beta2) - 1                     ρₜ = ρ - 2t · beta2ᵗ / (1 - beta2ᵗ)
 * r = √((ρₜ - 4)(ρₜ - 2)ρ / ((ρ - 4)(ρ - 2)ρₜ)) · √(1 - beta2ᵗ) / (√v + epsilon)
 * p = p - rate · m / (1 - beta1ᵗ) · r         without r where ρₜ ≤ 5
 * }</pre>
 *
 * <p>With decoupled weight decay {@code g} is the gradient and {@code p} shrinks by {@code rate ·
 * weightDecay · p} before the step.
 */
public final class RAdam extends Optimizer {

  private final MomentBuilder.Moments moments;
  private final boolean decoupled;

  private RAdam(Parameters parameters, Builder settings) {
    super("radam", parameters, settings, List.of(Slot.of("exp_avg"), Slot.of("exp_avg_sq")));
    this.moments = settings.moments();
    this.decoupled = settings.decoupled;
  }

  /** Settings; at first a rate of 0.001, betas of 0.9 and 0.999, epsilon 1e-8 and no decay. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    p.values()
        .backend()
        .radam(
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
            decoupled,
            p.steps() + 1,
            scale,
            factor);
  }

  /** The settings of {@link RAdam}. */
  public static final class Builder extends MomentBuilder<Builder> {

    private boolean decoupled;

    private Builder() {
      super("radam", 1e-3, 0);
    }

    /** Lets weight decay shrink the parameters as in AdamW instead of joining the gradients. */
    public Builder decoupledWeightDecay() {
      this.decoupled = true;
      return this;
    }

    @Override
    public RAdam build(Parameters parameters) {
      return new RAdam(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
