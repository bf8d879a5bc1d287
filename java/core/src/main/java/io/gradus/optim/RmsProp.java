package io.gradus.optim;

import io.gradus.nn.Parameters;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * RMSprop (Tieleman and Hinton 2012), centered (Graves 2013) and with momentum if wanted, as in
 * PyTorch:
 *
 * <pre>{@code
 * g = gradient + weightDecay · p
 * s = alpha · s + (1 - alpha) · g²
 * a = alpha · a + (1 - alpha) · g               where it is centered; else 0
 * d = g / (√(s - a²) + epsilon)
 * b = momentum · b + d                          with momentum; else b = d
 * p = p - rate · b
 * }</pre>
 *
 * <p>Where rounding makes {@code s - a²} negative it counts as 0.
 */
public final class RmsProp extends Optimizer {

  private final double alpha;
  private final double epsilon;
  private final double momentum;
  private final boolean centered;

  private RmsProp(Parameters parameters, Builder settings) {
    super("rmsprop", parameters, settings, slots(settings));
    this.alpha = settings.alpha;
    this.epsilon = settings.epsilon;
    this.momentum = settings.momentum;
    this.centered = settings.centered;
  }

  /** Settings; at first a rate of 0.01, alpha 0.99, epsilon 1e-8, no momentum and no decay. */
  public static Builder builder() {
    return new Builder();
  }

  private static List<Slot> slots(Builder settings) {
    return Stream.of(
            Slot.of("square_avg"),
            settings.centered ? Slot.of("grad_avg") : null,
            settings.momentum > 0 ? Slot.of("momentum_buffer") : null)
        .filter(Objects::nonNull)
        .toList();
  }

  @Override
  void update(FlatParameters p, long gradients, double scale, long factor, double rate) {
    p.values()
        .backend()
        .rmsprop(
            p.values().address(),
            gradients,
            p.state(0).address(),
            centered ? p.state(1).address() : 0,
            momentum > 0 ? p.state(centered ? 2 : 1).address() : 0,
            p.values().size(),
            rate,
            alpha,
            epsilon,
            momentum,
            p.settings().weightDecay(),
            scale,
            factor);
  }

  /** The settings of {@link RmsProp}. */
  public static final class Builder extends Optimizer.Builder<Builder> {

    private double alpha = 0.99;
    private double epsilon = 1e-8;
    private double momentum;
    private boolean centered;

    private Builder() {
      super("rmsprop", 1e-2, 0);
    }

    /** How much of the average of squares a step keeps; 0.99 at first, below 1. */
    public Builder alpha(double alpha) {
      this.alpha = Hyperparameters.checkFraction("rmsprop", "alpha", alpha);
      return this;
    }

    /** Keeps the division finite where gradients vanish; 1e-8 at first. */
    public Builder epsilon(double epsilon) {
      this.epsilon = Hyperparameters.checkNotNegative("rmsprop", "epsilon", epsilon);
      return this;
    }

    /** How much of the last step's direction the next one keeps; 0 at first, below 1. */
    public Builder momentum(double momentum) {
      this.momentum = Hyperparameters.checkFraction("rmsprop", "momentum", momentum);
      return this;
    }

    /** Divides by the gradients' deviation from their average instead of by their size. */
    public Builder centered() {
      this.centered = true;
      return this;
    }

    @Override
    public RmsProp build(Parameters parameters) {
      return new RmsProp(parameters, this);
    }

    @Override
    Builder self() {
      return this;
    }
  }
}
