package io.gradus.optim;

/** The checks that several optimizers and schedules share. */
final class Hyperparameters {

  private Hyperparameters() {}

  static double checkRate(String op, double rate) {
    return checkNotNegative(op, "learning rate", rate);
  }

  static double checkNotNegative(String op, String name, double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          op + ": " + name + " must be finite and not negative: " + value);
    }
    return value;
  }

  /** For factors of moving averages, which would grow without bound at 1. */
  static double checkFraction(String op, String name, double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException(op + ": " + name + " must lie in [0, 1): " + value);
    }
    return value;
  }
}
