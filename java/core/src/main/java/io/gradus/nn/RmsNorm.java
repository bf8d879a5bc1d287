package io.gradus.nn;

import io.gradus.op.Normalization;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * {@code y = x / √(mean(x²) + epsilon) · weight} over the last axis (Zhang and Sennrich 2019): from
 * {@code (..., size)} to the same shape. Its parameter is {@code weight (size)}, ones at first.
 */
public final class RmsNorm extends Norm {

  private final Tensor weight;
  private final double epsilon;

  /** Of rows of this size. */
  public RmsNorm(long size, double epsilon, Device device) {
    this.epsilon = epsilon;
    weight = parameter("weight", () -> Tensor.full(1, Shape.of(size), DType.F32, device));
  }

  @Override
  public Tensor forward(Tensor x) {
    return Normalization.rmsNorm(x, weight, epsilon);
  }

  @Override
  Normalization.Residual added(Tensor x, Tensor residual, double p, Seed seed) {
    return p == 0
        ? Normalization.addRmsNorm(x, residual, weight, epsilon)
        : Normalization.addRmsNorm(x, residual, weight, epsilon, p, seed);
  }

  @Override
  protected String settings() {
    return "size=" + weight.size() + ", eps=" + epsilon;
  }
}
