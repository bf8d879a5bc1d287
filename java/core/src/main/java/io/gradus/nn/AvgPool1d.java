package io.gradus.nn;

import io.gradus.op.Pooling;
import io.gradus.op.PoolingOptions;

/**
 * {@link Pooling#avgPool1d} as a layer: from {@code (batch, channels, width)} to {@code (batch,
 * channels, width')}.
 */
public final class AvgPool1d extends PoolingLayer {

  /** Windows of this size side by side. */
  public AvgPool1d(int kernel) {
    this(PoolingOptions.kernel(kernel));
  }

  /** Windows that slide as the options say. */
  public AvgPool1d(PoolingOptions options) {
    super(Pooling::avgPool1d, options);
  }
}
