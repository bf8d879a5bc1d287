package io.gradus.benchmarks.rivals;

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
  private static final double DEVIATION = 0.02;
  private static final TensorOptional NONE = new TensorOptional();
  private static final DoubleOptional DEFAULT_SCALE = new DoubleOptional();

  private final List<Tensor> parameters = new ArrayList<>();

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

  final Linear linear(long in, long out, boolean bias) {
    return new Linear(table(out, in), bias ? added(torch.zeros(out)) : NONE);
  }

  final Norm norm(long width, boolean bias, double epsilon) {
    TensorOptional weight = added(torch.ones(width));
    return new Norm(new long[] {width}, weight, bias ? added(torch.zeros(width)) : NONE, epsilon);
  }

  final Tensor table(long rows, long width) {
    Tensor table = Libtorch.normal(DEVIATION, rows, width);
    parameters.add(table);
    return table;
  }

  private TensorOptional added(Tensor parameter) {
    parameters.add(Libtorch.trained(parameter));
    return new TensorOptional(parameter);
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
