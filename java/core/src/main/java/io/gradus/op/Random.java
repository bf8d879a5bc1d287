package io.gradus.op;

import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Random numbers by counter (Philox4x32-10, Salmon et al. 2011): each element depends on the seed
 * and its own index alone, so that a seed gives the same numbers on any number of threads.
 */
public final class Random {

  private Random() {}

  /** F32, evenly from {@code low} (inclusive) to {@code high} (exclusive). */
  public static Tensor uniform(Shape shape, Seed seed, double low, double high, Device device) {
    if (!(low <= high)) {
      throw new IllegalArgumentException(
          "uniform: the lower bound exceeds the upper: " + low + " and " + high);
    }
    Tensor y = Tensor.empty(shape, DType.F32, device);
    y.backend().uniform(y.typeCode(), y.address(), y.size(), seed.value(), 0, low, high);
    return Tape.record("uniform", y);
  }

  /** F32, normally distributed (Box and Muller 1958). */
  public static Tensor normal(
      Shape shape, Seed seed, double mean, double deviation, Device device) {
    if (!(deviation >= 0)) {
      throw new IllegalArgumentException(
          "normal: the standard deviation must not be negative: " + deviation);
    }
    Tensor y = Tensor.empty(shape, DType.F32, device);
    y.backend().normal(y.typeCode(), y.address(), y.size(), seed.value(), 0, mean, deviation);
    return Tape.record("normal", y);
  }

  /**
   * {@code y = x / (1 - p)} with probability {@code 1 - p}, else 0 (Srivastava et al. 2014). The
   * same seed drops the same elements; the mask is computed again for the gradient and never
   * stored.
   *
   * @param p in [0, 1]; at 1 everything is dropped
   */
  public static Tensor dropout(Tensor x, double p, Seed seed) {
    Checks.floating("dropout", x);
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("dropout: the probability must lie in [0, 1]: " + p);
    }
    Tensor y = Tensor.emptyLike(x);
    x.backend().dropout(x.typeCode(), x.address(), y.address(), x.size(), seed.value(), 0, p);
    return Tape.record("dropout", y, wrt(x, dy -> dropout(dy, p, seed)));
  }
}
