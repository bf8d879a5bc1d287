package io.gradus.cli;

import io.gradus.op.LinearAlgebra;
import io.gradus.op.Random;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/** The most that this machine computes, against which a training is measured. */
final class PeakRate {

  private static final int SIZE = 1024;
  private static final double SECONDS = 0.3;

  private static double measured; // once a process is enough

  private PeakRate() {}

  /** The floating-point operations a second of the best of several large matrix products. */
  static synchronized double get() {
    if (measured == 0) {
      measured = measure();
    }
    return measured;
  }

  @SuppressWarnings("try") // the scope only has to close
  private static double measure() {
    Shape square = Shape.of(SIZE, SIZE);
    Device device = Device.best();
    double best = 0;
    try (Tensor a = Random.normal(square, Seed.of(1), 0, 1, device);
        Tensor b = Random.normal(square, Seed.of(2), 0, 1, device)) {
      long start = System.nanoTime();
      while (System.nanoTime() - start < SECONDS * 1e9) {
        try (Scope scope = Scope.open()) {
          long before = System.nanoTime();
          LinearAlgebra.matmul(a, b);
          double seconds = (System.nanoTime() - before) / 1e9;
          best = Math.max(best, 2.0 * SIZE * SIZE * SIZE / seconds);
        }
      }
    }
    return best;
  }
}
