package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Start;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The layers of a transformer in libtorch, with the calls that cost it least: activations stay
 * (tokens, width), so that each linear layer is one addmm; queries, keys and values are one
 * product; attention is scaled_dot_product_attention; residuals are added in place.
 */
abstract class LibtorchModel {
  private static final TensorOptional NONE = new TensorOptional();
  private static final DoubleOptional DEFAULT_SCALE = new DoubleOptional();

  private final Start start;
  private final List<Tensor> parameters = new ArrayList<>();

  /** Takes its parameters from there, by the names that they have in Gradus. */
  LibtorchModel(Start start) {
    this.start = start;
  }

  final List<Tensor> parameters() {
    return parameters;
  }

  /** The loss of one batch. */
  abstract Tensor loss(Tensor tokens, Tensor labels);

  record Linear(Tensor weight, TensorOptional bias) {
    Tensor of(Tensor x) {
      return torch.linear(x, weight, bias);
    }
  }

  record Norm(long[] width, TensorOptional weight, TensorOptional bias, double epsilon) {
    Tensor of(Tensor x) {
      return torch.layer_norm(x, width, weight, bias, epsilon, false);
    }
  }

  final Linear linear(String name, boolean bias) {
    return new Linear(parameter(name + ".weight"), bias(name, bias));
  }

  final Norm norm(String name, boolean bias, double epsilon) {
    Tensor weight = parameter(name + ".weight");
    long[] width = {weight.size(0)};
    return new Norm(width, new TensorOptional(weight), bias(name, bias), epsilon);
  }

  private TensorOptional bias(String name, boolean bias) {
    return bias ? new TensorOptional(parameter(name + ".bias")) : NONE;
  }

  final Tensor parameter(String name) {
    Tensor parameter = Libtorch.parameter(start, name);
    parameters.add(parameter);
    return parameter;
  }

  /** Self-attention of packed queries, keys and values (tokens, 3 · width) to (tokens, width). */
  static Tensor attention(
      Tensor qkv, long batch, long time, long heads, double dropout, boolean causal) {
    TensorVector parts = qkv.view(batch, time, 3, heads, -1).unbind(2);
    return torch
        .scaled_dot_product_attention(
            parts.get(0).transpose(1, 2),
            parts.get(1).transpose(1, 2),
            parts.get(2).transpose(1, 2),
            NONE,
            dropout,
            causal,
            DEFAULT_SCALE,
            false)
        .transpose(1, 2)
        .reshape(batch * time, -1);
  }
}
