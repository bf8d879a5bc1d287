package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;

/**
 * Adadelta (Zeiler 2012), whose steps have the size of the steps before, as in PyTorch:
 *
 * <pre>{@code
 * g = gradient + weightDecay · p
 * s = rho · s + (1 - rho) · g²
 * d = √(a + epsilon) / √(s + epsilon) · g
 * a = rho · a + (1 - rho) · d²
 * p = p - rate · d
 * }</pre>
 */
public final class Adadelta extends Optimizer {

  private final double rho;
  private final double epsilon;

  private Adadelta(Parameters parameters, Builder settings) {
    super("adadelta", parameters, settings, List.of(Slot.of("square_avg"), Slot.of("acc_delta")));
    this.rho = settings.rho;
    this.epsilon = settings.epsilon;
  }

  /** Settings; at first a rate of 1, rho 0.9, epsilon 1e-6 and no decay. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    p.values()
        .backend()
        .adadelta(
            p.values().address(),
            gradients,
            p.state(0).address(),
            p.state(1).address(),
            p.values().size(),
            rate,
            rho,
            epsilon,
            p.settings().weightDecay(),
            scale,
            factor);
  }

  /** The settings of {@link Adadelta}. */
  public static final class Builder extends Optimizer.Builder<Builder> {

    private double rho = 0.9;
    private double epsilon = 1e-6;

    private Builder() {
      super("adadelta", 1.0, 0);
    }

    /** How much of the averages of squares a step keeps; 0.9 at first, below 1. */
    public Builder rho(double rho) {
      this.rho = Hyperparameters.checkFraction("adadelta", "rho", rho);
      return this;
    }

    /** Begins the first steps, and keeps the division finite; 1e-6 at first. */
    public Builder epsilon(double epsilon) {
      this.epsilon = Hyperparameters.checkNotNegative("adadelta", "epsilon", epsilon);
      return this;
    }

    @Override
    public Adadelta build(Parameters parameters) {
      return new Adadelta(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
