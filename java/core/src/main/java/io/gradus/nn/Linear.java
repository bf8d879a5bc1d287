package io.gradus.nn;

import io.gradus.op.LinearAlgebra;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * {@code y = x · weightᵀ + bias}: from {@code (..., in)} to {@code (..., out)}.
 *
 * <p>Its parameters are {@code weight (out, in)} and {@code bias (out)}. Both begin uniform within
 * {@code ±1 / √in}, as in PyTorch.
 */
public final class Linear extends Module {

  private final Tensor weight;
  private final Tensor bias;

  /** A layer with a bias. */
  public Linear(long in, long out, Device device, Seed seed) {
    this(in, out, true, device, seed);
  }

  /** A layer with or without a bias. */
  public Linear(long in, long out, boolean bias, Device device, Seed seed) {
    if (in < 1 || out < 1) {
      throw new IllegalArgumentException(
          "linear: sizes must be positive: " + in + " in, " + out + " out");
    }
    double bound = 1 / Math.sqrt(in);
    weight =
        parameter(
            "weight",
            // ±1 / √in in the words of PyTorch's reset_parameters
            () -> Init.kaimingUniform(Shape.of(out, in), Math.sqrt(5), seed.split(0), device));
    this.bias =
        bias
            ? parameter(
                "bias", () -> Init.uniform(Shape.of(out), -bound, bound, seed.split(1), device))
            : null;
  }

  @Override
  public Tensor forward(Tensor x) {
    return LinearAlgebra.linear(x, weight, bias);
  }

  /** Only the outputs {@code from} (inclusive) to {@code to} (exclusive). */
  public Tensor forward(Tensor x, long from, long to) {
    return LinearAlgebra.linear(
        x, Shapes.slice(weight, from, to), bias == null ? null : Shapes.slice(bias, from, to));
  }

  /** The weight, {@code (out, in)}. */
  public Tensor weight() {
    return weight;
  }

  /** The bias, {@code (out)}; null where there is none. */
  public Tensor bias() {
    return bias;
  }

  @Override
  protected String settings() {
    return "in=" + weight.dim(1) + ", out=" + weight.dim(0) + (bias == null ? ", bias=false" : "");
  }
}
