package io.gradus.optim;

import io.gradus.nn.Parameters;

/**
 * Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019), and AMSGrad
 * (Reddi et al. 2018) if wanted, as in PyTorch; {@code t} counts steps from 1:
 *
 * <pre>{@code
 * p = p - rate · weightDecay · p
 * m = beta1 · m + (1 - beta1) · gradient
 * v = beta2 · v + (1 - beta2) · gradient²         v' = v, or with AMSGrad max(v', v)
 * p = p - rate · (m / (1 - beta1ᵗ)) / (√(v' / (1 - beta2ᵗ)) + epsilon)
 * }</pre>
 */
public final class AdamW extends Optimizer {

  private final MomentBuilder.Moments moments;
  private final boolean amsgrad;

  private AdamW(Parameters parameters, Builder settings) {
    super("adamw", parameters, settings, Adam.slots(settings.amsgrad));
    this.moments = settings.moments();
    this.amsgrad = settings.amsgrad;
  }

  /** Settings; at first a rate of 0.001, betas of 0.9 and 0.999, epsilon 1e-8, decay 0.01. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    if (amsgrad) {
      Adam.update(p, gradients, scale, factor, rate, moments, true, true);
    } else {
      update(p, gradients, scale, factor, rate, moments);
    }
  }

  /** By the kernel that graphs can cut into pieces. */
  static void update(
      FlatParameters p,
      long gradients,
      double scale,
      long factor,
      double rate,
      MomentBuilder.Moments moments) {
    p.values()
        .backend()
        .adamw(
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

  /** The settings of {@link AdamW}. */
  public static final class Builder extends MomentBuilder<Builder> {

    private boolean amsgrad;

    private Builder() {
      super("adamw", 1e-3, 0.01);
    }

    /** Divides by the largest average of squares so far, so that rates never rise. */
    public Builder amsgrad() {
      this.amsgrad = true;
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
