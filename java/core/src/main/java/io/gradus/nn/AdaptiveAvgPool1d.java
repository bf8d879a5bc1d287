package io.gradus.nn;

import io.gradus.op.Pooling;
import io.gradus.tensor.Tensor;

/**
 * {@link Pooling#adaptiveAvgPool1d} as a layer: from {@code (batch, channels, n)} to {@code (batch,
 * channels, width)}.
 */
public final class AdaptiveAvgPool1d extends Module {

  private final long width;

  /** With an output of this width. */
  public AdaptiveAvgPool1d(long width) {
    this.width = width;
  }

  @Override
  public Tensor forward(Tensor x) {
    return Pooling.adaptiveAvgPool1d(x, width);
  }

  @Override
  protected String settings() {
    return "width=" + width;
  }
}
