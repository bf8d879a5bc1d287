package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;

/**
 * Lion (Chen et al. 2023), whose steps are equally large for all parameters; it wants a rate 3 to
 * 10 times smaller, and a weight decay as many times larger, than {@link AdamW}:
 *
 * <pre>{@code
 * p = p - rate · (sign(beta1 · m + (1 - beta1) · gradient) + weightDecay · p)
 * m = beta2 · m + (1 - beta2) · gradient
 * }</pre>
 */
public final class Lion extends Optimizer {

  private final double beta1;
  private final double beta2;

  private Lion(Parameters parameters, Builder settings) {
    super("lion", parameters, settings, List.of(Slot.of("exp_avg")));
    this.beta1 = settings.beta1;
    this.beta2 = settings.beta2;
  }

  /** Settings; at first a rate of 0.0001, betas of 0.9 and 0.99 and no decay. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    p.values()
        .backend()
        .lion(
            p.values().address(),
            gradients,
            p.state(0).address(),
            p.values().size(),
            rate,
            beta1,
            beta2,
            p.settings().weightDecay(),
            scale,
            factor);
  }

  /** The settings of {@link Lion}. */
  public static final class Builder extends Optimizer.Builder<Builder> {

    private double beta1 = 0.9;
    private double beta2 = 0.99;

    private Builder() {
      super("lion", 1e-4, 0);
    }

    /** How much of the average of gradients the direction and the average itself keep; below 1. */
    public Builder betas(double beta1, double beta2) {
      this.beta1 = Hyperparameters.checkFraction("lion", "beta1", beta1);
      this.beta2 = Hyperparameters.checkFraction("lion", "beta2", beta2);
      return this;
    }

    @Override
    public Lion build(Parameters parameters) {
      return new Lion(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
