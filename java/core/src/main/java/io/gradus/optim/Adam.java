package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;

/**
 * Adam (Kingma and Ba 2015), and AMSGrad (Reddi et al. 2018) if wanted, as in PyTorch; {@code t}
 * counts steps from 1:
 *
 * <pre>{@code
 * g = gradient + weightDecay · p
 * m = beta1 · m + (1 - beta1) · g
 * v = beta2 · v + (1 - beta2) · g²                v' = v, or with AMSGrad max(v', v)
 * p = p - rate · (m / (1 - beta1ᵗ)) / (√(v' / (1 - beta2ᵗ)) + epsilon)
 * }</pre>
 *
 * <p>{@link AdamW} keeps weight decay out of the averages, which nearly always serves better.
 */
public final class Adam extends Optimizer {

  private final MomentBuilder.Moments moments;
  private final boolean amsgrad;

  private Adam(Parameters parameters, Builder settings) {
    super("adam", parameters, settings, slots(settings.amsgrad));
    this.moments = settings.moments();
    this.amsgrad = settings.amsgrad;
  }

  /** Settings; at first a rate of 0.001, betas of 0.9 and 0.999, epsilon 1e-8 and no decay. */
  public static Builder builder() {
    return new Builder();
  }

  /** What Adam and AdamW remember. */
  static List<Slot> slots(boolean amsgrad) {
    Slot m = Slot.of("exp_avg");
    Slot v = Slot.of("exp_avg_sq");
    return amsgrad ? List.of(m, v, Slot.of("max_exp_avg_sq")) : List.of(m, v);
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    if (!amsgrad && p.settings().weightDecay() == 0) {
      AdamW.update(p, gradients, scale, factor, rate, moments);
    } else {
      update(p, gradients, scale, factor, rate, moments, amsgrad, false);
    }
  }

  static void update(
      FlatParameters p,
      long gradients,
      double scale,
      long factor,
      double rate,
      MomentBuilder.Moments moments,
      boolean amsgrad,
      boolean decoupled) {
    p.values()
        .backend()
        .adam(
            p.values().address(),
            gradients,
            p.state(0).address(),
            p.state(1).address(),
            amsgrad ? p.state(2).address() : 0,
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

  /** The settings of {@link Adam}. */
  public static final class Builder extends MomentBuilder<Builder> {

    private boolean amsgrad;

    private Builder() {
      super("adam", 1e-3, 0);
    }

    /** Divides by the largest average of squares so far, so that rates never rise. */
    public Builder amsgrad() {
      this.amsgrad = true;
      return this;
    }

    @Override
    public Adam build(Parameters parameters) {
      return new Adam(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
