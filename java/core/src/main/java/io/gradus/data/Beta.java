package io.gradus.data;

import io.gradus.tensor.Seed;

/** Draws from the symmetric beta distribution, with {@link Seed#split} for random numbers. */
final class Beta {

  private final Seed seed;
  private long drawn;

  private Beta(Seed seed) {
    this.seed = seed;
  }

  /** A number in [0, 1] from Beta(alpha, alpha), alpha above 0. */
  static double draw(double alpha, Seed seed) {
    Beta draws = new Beta(seed);
    // In logarithms, as for a small alpha both are smaller than any number.
    double a = draws.logGamma(alpha);
    double b = draws.logGamma(alpha);
    return 1 / (1 + StrictMath.exp(b - a));
  }

  /** Evenly from (0, 1). */
  private double uniform() {
    return ((seed.split(drawn++).value() >>> 12) + 0.5) * 0x1p-52;
  }

  /** Box and Muller 1958. */
  private double normal() {
    double radius = StrictMath.sqrt(-2 * StrictMath.log(uniform()));
    return radius * StrictMath.cos(2 * Math.PI * uniform());
  }

  /** The logarithm of a number from Gamma(alpha, 1) (Marsaglia and Tsang 2000). */
  private double logGamma(double alpha) {
    double d = alpha + 1 - 1.0 / 3; // of alpha + 1, and from there down to alpha
    double c = 1 / StrictMath.sqrt(9 * d);
    while (true) {
      double x = normal();
      double v = 1 + c * x;
      if (v <= 0) {
        continue;
      }
      double logCube = 3 * StrictMath.log(v);
      double cube = v * v * v;
      if (StrictMath.log(uniform()) < 0.5 * x * x + d - d * cube + d * logCube) {
        return StrictMath.log(d) + logCube + StrictMath.log(uniform()) / alpha;
      }
    }
  }
}
