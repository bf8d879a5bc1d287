package io.gradus.nn;

import io.gradus.op.Pooling;
import io.gradus.op.PoolingOptions;

/**
 * {@link Pooling#maxPool1d} as a layer: from {@code (batch, channels, width)} to {@code (batch,
 * channels, width')}.
 */
public final class MaxPool1d extends PoolingLayer {

  /** Windows of this size side by side. */
  public MaxPool1d(int kernel) {
    this(PoolingOptions.kernel(kernel));
  }

  /** Windows that slide as the options say. */
  public MaxPool1d(PoolingOptions options) {
    super(Pooling::maxPool1d, options);
  }
}
