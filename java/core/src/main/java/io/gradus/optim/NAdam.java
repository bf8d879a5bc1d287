package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;

/**
 * Adam with Nesterov's momentum (Dozat 2016), as in PyTorch; {@code t} counts steps from 1:
 *
 * <pre>{@code
 * g = gradient + weightDecay · p
 * m = beta1 · m + (1 - beta1) · g
 * v = beta2 · v + (1 - beta2) · g²
 * μₜ = beta1 · (1 - 0.96^(t · momentumDecay) / 2)
 * d = μₜ₊₁ · m / (1 - μ₁ ··· μₜ₊₁) + (1 - μₜ) · g / (1 - μ₁ ··· μₜ)
 * p = p - rate · d / (√(v / (1 - beta2ᵗ)) + epsilon)
 * }</pre>
 *
 * <p>With decoupled weight decay {@code g} is the gradient and {@code p} shrinks by {@code rate ·
 * weightDecay · p} before the step.
 */
public final class NAdam extends Optimizer {

  private static final double NOTHING = 1e-20;

  private final MomentBuilder.Moments moments;
  private final double momentumDecay;
  private final boolean decoupled;
  private long multiplied; // how many momenta the product has
  private double product = 1;

  private NAdam(Parameters parameters, Builder settings) {
    super("nadam", parameters, settings, List.of(Slot.of("exp_avg"), Slot.of("exp_avg_sq")));
    this.moments = settings.moments();
    this.momentumDecay = settings.momentumDecay;
    this.decoupled = settings.decoupled;
  }

  /** Settings; at first a rate of 0.002, betas of 0.9 and 0.999, epsilon 1e-8 and no decay. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    long step = p.steps() + 1;
    p.values()
        .backend()
        .nadam(
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
            momentum(step),
            momentum(step + 1),
            product(step),
            step,
            scale,
            factor);
  }

  private double momentum(long step) {
    return moments.beta1() * (1 - 0.5 * Math.pow(0.96, step * momentumDecay));
  }

  /**
   * That of the momenta of all steps so far: multiplied in the same order whenever it is asked for,
   * so that it need not be saved.
   */
  private double product(long step) {
    if (step < multiplied) {
      multiplied = 0;
      product = 1;
    }
    // What is taken from 1 without effect need not become smaller.
    while (multiplied < step && product > NOTHING) {
      multiplied++;
      product *= momentum(multiplied);
    }
    return product;
  }

  /** The settings of {@link NAdam}. */
  public static final class Builder extends MomentBuilder<Builder> {

    private double momentumDecay = 0.004;
    private boolean decoupled;

    private Builder() {
      super("nadam", 2e-3, 0);
    }

    /** How fast the momentum rises from half of beta1 to beta1; 0.004 at first. */
    public Builder momentumDecay(double momentumDecay) {
      this.momentumDecay =
          Hyperparameters.checkNotNegative("nadam", "momentum decay", momentumDecay);
      return this;
    }

    /** Lets weight decay shrink the parameters as in AdamW instead of joining the gradients. */
    public Builder decoupledWeightDecay() {
      this.decoupled = true;
      return this;
    }

    @Override
    public NAdam build(Parameters parameters) {
      return new NAdam(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
