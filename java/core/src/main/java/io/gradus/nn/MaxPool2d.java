package io.gradus.nn;

import io.gradus.op.Pooling;
import io.gradus.op.PoolingOptions;

/**
 * {@link Pooling#maxPool2d} as a layer: from {@code (batch, channels, height, width)} to {@code
 * (batch, channels, height', width')}.
 */
public final class MaxPool2d extends PoolingLayer {

  /** Windows of this size side by side. */
  public MaxPool2d(int kernel) {
    this(PoolingOptions.kernel(kernel));
  }

  /** Windows that slide as the options say. */
  public MaxPool2d(PoolingOptions options) {
    super(Pooling::maxPool2d, options);
  }
}
