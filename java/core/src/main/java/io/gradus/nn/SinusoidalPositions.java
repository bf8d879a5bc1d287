package io.gradus.nn;

import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;

/**
 * Adds to each position a vector of waves of different lengths (Vaswani et al. 2017): {@code y[t] =
 * x[t] + p[t]} with {@code p[t][2i] = sin(t / 10000^(2i / width))} and {@code p[t][2i + 1] = cos}
 * of the same; from {@code (batch, time, width)} to the same shape. It has no parameters.
 */
public final class SinusoidalPositions extends Module {

  private final Tensor table;

  /** For sequences of up to so many positions. */
  public SinusoidalPositions(int positions, int width, Device device) {
    if (positions < 1 || width < 1) {
      throw new IllegalArgumentException(
          "positions: sizes must be positive: " + positions + " positions of " + width);
    }
    float[] waves = new float[Math.multiplyExact(positions, width)];
    for (int t = 0; t < positions; t++) {
      for (int i = 0; i < width; i++) {
        double angle = t / Math.pow(10_000, (i - i % 2) / (double) width);
        waves[t * width + i] = (float) (i % 2 == 0 ? Math.sin(angle) : Math.cos(angle));
      }
    }
    table = Scope.outside(() -> Tensor.of(waves, positions, width).to(device));
  }

  @Override
  public Tensor forward(Tensor x) {
    return LearnedPositions.add(x, table);
  }

  @Override
  protected String settings() {
    return "positions=" + table.dim(0) + ", width=" + table.dim(1);
  }
}
