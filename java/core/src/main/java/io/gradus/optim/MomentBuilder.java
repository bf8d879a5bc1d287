package io.gradus.optim;

/** The settings of Adam and its relatives. */
public abstract sealed class MomentBuilder<B extends MomentBuilder<B>> extends Optimizer.Builder<B>
    permits Adam.Builder, AdamW.Builder, Adamax.Builder, NAdam.Builder, RAdam.Builder {

  private final String name;
  private double beta1 = 0.9;
  private double beta2 = 0.999;
  private double epsilon = 1e-8;

  MomentBuilder(String name, double learningRate, double weightDecay) {
    super(name, learningRate, weightDecay);
    this.name = name;
  }

  /** How much of the averages of gradients and of their squares a step keeps; below 1. */
  public final B betas(double beta1, double beta2) {
    this.beta1 = Hyperparameters.checkFraction(name, "beta1", beta1);
    this.beta2 = Hyperparameters.checkFraction(name, "beta2", beta2);
    return self();
  }

  /** Keeps the division finite where gradients vanish; 1e-8 at first. */
  public final B epsilon(double epsilon) {
    this.epsilon = Hyperparameters.checkNotNegative(name, "epsilon", epsilon);
    return self();
  }

  Moments moments() {
    return new Moments(beta1, beta2, epsilon);
  }

  /** How the averages of gradients and of their squares go. */
  record Moments(double beta1, double beta2, double epsilon) {}
}
