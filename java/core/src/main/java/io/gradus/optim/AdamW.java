package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;

/**
 * Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019), as in
 * PyTorch; {@code t} counts steps from 1:
 *
 * <pre>{@code
 * p = p - rate · weightDecay · p
 * m = beta1 · m + (1 - beta1) · gradient
 * v = beta2 · v + (1 - beta2) · gradient²
 * p = p - rate · (m / (1 - beta1ᵗ)) / (√(v / (1 - beta2ᵗ)) + epsilon)
 * }</pre>
 */
public final class AdamW extends Optimizer {

  private final double beta1;
  private final double beta2;
  private final double epsilon;

  private AdamW(Parameters parameters, Builder settings) {
    super("adamw", parameters, settings, List.of("exp_avg", "exp_avg_sq"));
    this.beta1 = settings.beta1;
    this.beta2 = settings.beta2;
    this.epsilon = settings.epsilon;
  }

  /** Settings; at first betas of 0.9 and 0.999, epsilon 1e-8 and weight decay 0.01. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    p.values()
        .backend()
        .adamw(
            p.values().address(),
            gradients,
            p.state(0).address(),
            p.state(1).address(),
            p.values().size(),
            rate,
            beta1,
            beta2,
            epsilon,
            p.settings().weightDecay(),
            p.steps() + 1,
            scale,
            factor);
  }

  /** The settings of {@link AdamW}. */
  public static final class Builder extends Optimizer.Builder<Builder> {

    private double beta1 = 0.9;
    private double beta2 = 0.999;
    private double epsilon = 1e-8;

    private Builder() {
      super("adamw", 0.01);
    }

    /** How much of the averages of gradients and of their squares a step keeps; below 1. */
    public Builder betas(double beta1, double beta2) {
      this.beta1 = Hyperparameters.checkFraction("adamw", "beta1", beta1);
      this.beta2 = Hyperparameters.checkFraction("adamw", "beta2", beta2);
      return this;
    }

    /** Keeps the division finite where gradients vanish. */
    public Builder epsilon(double epsilon) {
      this.epsilon = Hyperparameters.checkNotNegative("adamw", "epsilon", epsilon);
      return this;
    }

    @Override
    public AdamW build(Parameters parameters) {
      return new AdamW(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
