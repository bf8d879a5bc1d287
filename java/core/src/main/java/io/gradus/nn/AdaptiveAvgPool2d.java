package io.gradus.nn;

import io.gradus.op.Pooling;
import io.gradus.tensor.Tensor;

/**
 * {@link Pooling#adaptiveAvgPool2d} as a layer: from {@code (batch, channels, n, m)} to {@code
 * (batch, channels, height, width)}. With 1 and 1 it is global average pooling.
 */
public final class AdaptiveAvgPool2d extends Module {

  private final long height;
  private final long width;

  /** With an output of this height and width. */
  public AdaptiveAvgPool2d(long height, long width) {
    this.height = height;
    this.width = width;
  }

  @Override
  public Tensor forward(Tensor x) {
    return Pooling.adaptiveAvgPool2d(x, height, width);
  }

  @Override
  protected String settings() {
    return "height=" + height + ", width=" + width;
  }
}
