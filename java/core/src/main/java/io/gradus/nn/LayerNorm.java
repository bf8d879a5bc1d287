package io.gradus.nn;

import io.gradus.op.Normalization;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * {@code y = (x - mean) / √(variance + epsilon) · weight + bias} over the last axis (Ba et al.
 * 2016): from {@code (..., size)} to the same shape. Its parameters are {@code weight (size)}, ones
 * at first, and {@code bias (size)}, zeros.
 */
public final class LayerNorm extends Norm {

  private final Tensor weight;
  private final Tensor bias;
  private final double epsilon;

  /** With a bias or without; PyTorch's epsilon is 1e-5. */
  public LayerNorm(long size, boolean bias, double epsilon, Device device) {
    this.epsilon = epsilon;
    weight = parameter("weight", () -> Tensor.full(1, Shape.of(size), DType.F32, device));
    this.bias = bias ? parameter("bias", () -> Init.zeros(Shape.of(size), device)) : null;
  }

  @Override
  public Tensor forward(Tensor x) {
    return Normalization.layerNorm(x, weight, bias, epsilon);
  }

  @Override
  Normalization.Residual added(Tensor x, Tensor residual, double p, Seed seed) {
    return p == 0
        ? Normalization.addLayerNorm(x, residual, weight, bias, epsilon)
        : Normalization.addLayerNorm(x, residual, weight, bias, epsilon, p, seed);
  }

  @Override
  protected String settings() {
    return "size=" + weight.size() + (bias == null ? ", bias=false" : "") + ", eps=" + epsilon;
  }
}
