package io.gradus.nn;

import io.gradus.op.Pooling;
import io.gradus.op.PoolingOptions;
import io.gradus.tensor.Tensor;

/**
 * {@link Pooling#avgPool1d} as a layer: from {@code (batch, channels, width)} to {@code (batch,
 * channels, width')}.
 */
public final class AvgPool1d extends Module {

  private final PoolingOptions options;

  /** Windows of this size side by side. */
  public AvgPool1d(int kernel) {
    this(PoolingOptions.kernel(kernel));
  }

  /** Windows that slide as the options say. */
  public AvgPool1d(PoolingOptions options) {
    this.options = options;
  }

  @Override
  public Tensor forward(Tensor x) {
    return Pooling.avgPool1d(x, options);
  }

  @Override
  protected String settings() {
    return options.text();
  }
}
