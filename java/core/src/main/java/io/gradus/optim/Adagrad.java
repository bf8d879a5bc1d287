package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;

/**
 * Adagrad (Duchi et al. 2011), whose rates fall with the squares of all gradients so far, as in
 * PyTorch; {@code t} counts steps from 1:
 *
 * <pre>{@code
 * g = gradient + weightDecay · p
 * s = s + g²                                      s = initialAccumulator before the first step
 * p = p - rate / (1 + (t - 1) · learningRateDecay) · g / (√s + epsilon)
 * }</pre>
 */
public final class Adagrad extends Optimizer {

  private final double epsilon;
  private final double learningRateDecay;

  private Adagrad(Parameters parameters, Builder settings) {
    super("adagrad", parameters, settings, List.of(Slot.of("sum", settings.initialAccumulator)));
    this.epsilon = settings.epsilon;
    this.learningRateDecay = settings.learningRateDecay;
  }

  /** Settings; at first a rate of 0.01, epsilon 1e-10 and no decay. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    p.values()
        .backend()
        .adagrad(
            p.values().address(),
            gradients,
            p.state(0).address(),
            p.values().size(),
            rate / (1 + p.steps() * learningRateDecay),
            epsilon,
            p.settings().weightDecay(),
            scale,
            factor);
  }

  /** The settings of {@link Adagrad}. */
  public static final class Builder extends Optimizer.Builder<Builder> {

    private double epsilon = 1e-10;
    private double learningRateDecay;
    private double initialAccumulator;

    private Builder() {
      super("adagrad", 1e-2, 0);
    }

    /** Keeps the division finite where gradients vanish; 1e-10 at first. */
    public Builder epsilon(double epsilon) {
      this.epsilon = Hyperparameters.checkNotNegative("adagrad", "epsilon", epsilon);
      return this;
    }

    /** How fast the rate falls with the number of steps; 0 at first. */
    public Builder learningRateDecay(double learningRateDecay) {
      this.learningRateDecay =
          Hyperparameters.checkNotNegative("adagrad", "learning rate decay", learningRateDecay);
      return this;
    }

    /** The sum of squares before the first step; 0 at first. */
    public Builder initialAccumulator(double initialAccumulator) {
      this.initialAccumulator =
          Hyperparameters.checkNotNegative("adagrad", "initial accumulator", initialAccumulator);
      return this;
    }

    @Override
    public Adagrad build(Parameters parameters) {
      return new Adagrad(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
