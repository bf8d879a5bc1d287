package io.gradus.nn;

import io.gradus.op.Pooling;
import io.gradus.op.PoolingOptions;

/**
 * {@link Pooling#avgPool2d} as a layer: from {@code (batch, channels, height, width)} to {@code
 * (batch, channels, height', width')}.
 */
public final class AvgPool2d extends PoolingLayer {

  /** Windows of this size side by side. */
  public AvgPool2d(int kernel) {
    this(PoolingOptions.kernel(kernel));
  }

  /** Windows that slide as the options say. */
  public AvgPool2d(PoolingOptions options) {
    super(Pooling::avgPool2d, options);
  }
}
