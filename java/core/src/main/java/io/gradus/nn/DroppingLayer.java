package io.gradus.nn;

import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/** What layers share that drop something with a probability {@code p}, in training only. */
abstract sealed class DroppingLayer extends Module
    permits Dropout, Dropout1d, Dropout2d, AlphaDropout, DropPath {

  private final String name;
  private final double p;
  private final Draws draws;

  DroppingLayer(String name, double p, Seed seed) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException(name + ": the probability must lie in [0, 1]: " + p);
    }
    this.name = name;
    this.p = p;
    this.draws = draws("draws", seed);
  }

  @Override
  public final Tensor forward(Tensor x) {
    check(x);
    return isTraining() && p > 0 ? drop(x, p, draws.next()) : x;
  }

  /** Refuses an input without the axes that the layer needs. */
  void check(Tensor x) {}

  /** Drops; p is not 0. */
  abstract Tensor drop(Tensor x, double p, Seed seed);

  final void checkAxes(Tensor x, boolean fit, String axes) {
    if (!fit) {
      throw new IllegalArgumentException(name + ": the input must be " + axes + ": " + x.shape());
    }
  }

  /**
   * Drops with one fate for all elements whose first {@code axes} indices are the same, and
   * multiplies what is left by {@code 1 / (1 - p)}.
   */
  static Tensor dropTogether(Tensor x, int axes, double p, Seed seed) {
    long[] dims = x.shape().toArray();
    Arrays.fill(dims, axes, dims.length, 1);
    Tensor ones = Tensor.full(1, Shape.of(dims), x.dtype(), x.device());
    return Pointwise.mul(x, Random.dropout(ones, p, seed));
  }

  @Override
  protected final String settings() {
    return "p=" + p;
  }
}
