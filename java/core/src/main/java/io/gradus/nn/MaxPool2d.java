package io.gradus.nn;

import io.gradus.op.Pooling;
import io.gradus.op.PoolingOptions;
import io.gradus.tensor.Tensor;

/**
 * {@link Pooling#maxPool2d} as a layer: from {@code (batch, channels, height, width)} to {@code
 * (batch, channels, height', width')}.
 */
public final class MaxPool2d extends Module {

  private final PoolingOptions options;

  /** Windows of this size side by side. */
  public MaxPool2d(int kernel) {
    this(PoolingOptions.kernel(kernel));
  }

  /** Windows that slide as the options say. */
  public MaxPool2d(PoolingOptions options) {
    this.options = options;
  }

  @Override
  public Tensor forward(Tensor x) {
    return Pooling.maxPool2d(x, options);
  }

  @Override
  protected String settings() {
    return options.text();
  }
}
