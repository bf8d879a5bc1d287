package io.gradus.cli;

import io.gradus.op.LinearAlgebra;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/** The most that a device computes, against which a training is measured. */
final class PeakRate {

  private static final double SECONDS = 0.3;

  private record Kind(Device device, DType type) {}

  /** Measuring once a process is enough. */
  private static final Map<Kind, Double> MEASURED = new HashMap<>();

  private PeakRate() {}

  /** The floating-point operations a second of the best of several large matrix products. */
  static synchronized double get(Device device, DType type) {
    // The processor computes all types as F32, and so does its peak.
    Kind kind = new Kind(device, device == Device.cpu() ? DType.F32 : type);
    return MEASURED.computeIfAbsent(kind, PeakRate::measure);
  }

  @SuppressWarnings("try") // the scope only has to close
  private static double measure(Kind kind) {
    Device device = kind.device();
    int n = device == Device.cpu() ? 1024 : 8192;
    double best = 0;
    try (Scope all = Scope.open()) {
      Tensor a = operand(n, kind, Seed.of(1));
      Tensor b = operand(n, kind, Seed.of(2));
      long start = System.nanoTime();
      while (System.nanoTime() - start < SECONDS * 1e9) {
        try (Scope scope = Scope.open()) {
          device.await();
          long before = System.nanoTime();
          LinearAlgebra.matmul(a, b);
          device.await();
          double seconds = (System.nanoTime() - before) / 1e9;
          best = Math.max(best, 2.0 * n * n * n / seconds);
        }
      }
    }
    return best;
  }

  private static Tensor operand(int n, Kind kind, Seed seed) {
    Tensor x = Random.normal(Shape.of(n, n), seed, 0, 1, kind.device());
    return kind.type() == DType.F32 ? x : Pointwise.cast(x, kind.type());
  }
}
