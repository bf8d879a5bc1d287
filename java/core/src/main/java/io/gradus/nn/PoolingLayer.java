package io.gradus.nn;

import io.gradus.op.PoolingOptions;
import io.gradus.tensor.Tensor;
import java.util.function.BiFunction;

/** What the layers of windows that slide share: their options, and how the op is called. */
abstract sealed class PoolingLayer extends Module
    permits MaxPool1d, MaxPool2d, AvgPool1d, AvgPool2d {

  private final BiFunction<Tensor, PoolingOptions, Tensor> op;
  private final PoolingOptions options;

  PoolingLayer(BiFunction<Tensor, PoolingOptions, Tensor> op, PoolingOptions options) {
    this.op = op;
    this.options = options;
  }

  @Override
  public final Tensor forward(Tensor x) {
    return op.apply(x, options);
  }

  @Override
  protected final String settings() {
    return options.text();
  }
}
