package io.gradus.nn;

import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/** Dropout of more than single elements. */
final class Masks {

  private Masks() {}

  static void checkProbability(String layer, double p) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException(layer + ": the probability must lie in [0, 1]: " + p);
    }
  }

  /** Refuses an input without these axes: {@code (batch, channels, length)}. */
  static void checkAxes(String layer, Tensor x, int rank, String axes) {
    if (x.rank() != rank) {
      throw new IllegalArgumentException(layer + ": the input must be " + axes + ": " + x.shape());
    }
  }

  /**
   * Drops with one fate for all elements whose first {@code axes} indices are the same, and
   * multiplies what is left by {@code 1 / (1 - p)}.
   */
  static Tensor drop(Tensor x, int axes, double p, Seed seed) {
    long[] dims = x.shape().toArray();
    Arrays.fill(dims, axes, dims.length, 1);
    Tensor ones = Tensor.full(1, Shape.of(dims), x.dtype(), x.device());
    return Pointwise.mul(x, Random.dropout(ones, p, seed));
  }
}
