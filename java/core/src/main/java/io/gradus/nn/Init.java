package io.gradus.nn;

import io.gradus.op.Random;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * First values of parameters, in F32. A weight's fan in and fan out count what enters and leaves
 * one of its units: {@code (out, in)} for a linear layer, {@code (out, in, height, width)} for a
 * convolution, whose fans are {@code in} and {@code out} times {@code height · width}.
 *
 * <p>To give a layer other values than its own: {@code layer.weight().copyFrom(Init.xavierNormal(
 * layer.weight().shape(), seed, device))}.
 */
public final class Init {

  private Init() {}

  /**
   * Uniform with the variance {@code 2 / ((1 + slope²) · fanIn)}, which keeps the size of
   * activations behind a ReLU of that slope for negative inputs (He et al. 2015).
   */
  public static Tensor kaimingUniform(Shape weight, double slope, Seed seed, Device device) {
    double bound = Math.sqrt(3) * kaimingDeviation("kaimingUniform", weight, slope);
    return uniform(weight, -bound, bound, seed, device);
  }

  /** Normal, with the variance of {@link #kaimingUniform}. */
  public static Tensor kaimingNormal(Shape weight, double slope, Seed seed, Device device) {
    return normal(weight, 0, kaimingDeviation("kaimingNormal", weight, slope), seed, device);
  }

  private static double kaimingDeviation(String op, Shape weight, double slope) {
    return Math.sqrt(2 / ((1 + slope * slope) * fan(op, weight, 1)));
  }

  /**
   * Uniform with the variance {@code 2 / (fanIn + fanOut)}, which keeps the size of activations and
   * gradients alike through layers that are close to linear (Glorot and Bengio 2010).
   */
  public static Tensor xavierUniform(Shape weight, Seed seed, Device device) {
    double bound = Math.sqrt(3) * xavierDeviation("xavierUniform", weight);
    return uniform(weight, -bound, bound, seed, device);
  }

  /** Normal, with the variance of {@link #xavierUniform}. */
  public static Tensor xavierNormal(Shape weight, Seed seed, Device device) {
    return normal(weight, 0, xavierDeviation("xavierNormal", weight), seed, device);
  }

  private static double xavierDeviation(String op, Shape weight) {
    return Math.sqrt(2 / (fan(op, weight, 0) + fan(op, weight, 1)));
  }

  private static double fan(String op, Shape weight, int axis) {
    if (weight.rank() < 2 || weight.size() == 0) {
      throw new IllegalArgumentException(
          op
              + ": a weight needs two axes or more and no empty one: "
              + weight
              + "; use uniform, normal or zeros");
    }
    return (double) weight.dim(axis) * weight.size(2, weight.rank());
  }

  /** Uniform between two bounds. */
  public static Tensor uniform(Shape shape, double low, double high, Seed seed, Device device) {
    return Random.uniform(shape, seed, low, high, device);
  }

  /** Normal with a mean and a standard deviation. */
  public static Tensor normal(
      Shape shape, double mean, double deviation, Seed seed, Device device) {
    return Random.normal(shape, seed, mean, deviation, device);
  }

  /** Zeros. */
  public static Tensor zeros(Shape shape, Device device) {
    return Tensor.zeros(shape, DType.F32, device);
  }
}
