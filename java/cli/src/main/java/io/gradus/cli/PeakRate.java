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
  private static final double MOMENT = 0.01; // s
  private static final int ON_CPU = 1024;
  private static final int SMALLEST = 256;
  private static final int LARGEST = 8192;

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

  private static double measure(Kind kind) {
    int n = ON_CPU;
    if (kind.device() != Device.cpu()) {
      n = SMALLEST;
      // Small products do not keep a GPU busy, and large ones take an emulated one minutes.
      while (n < LARGEST && seconds(kind, n, 0) < MOMENT) {
        n *= 2;
      }
    }
    return 2.0 * n * n * n / seconds(kind, n, SECONDS);
  }

  /** The least time of a product of n x n matrices, of as many as fit, but two at least. */
  @SuppressWarnings("try") // the scope only has to close
  private static double seconds(Kind kind, int n, double fit) {
    Device device = kind.device();
    double least = Double.POSITIVE_INFINITY;
    try (Scope all = Scope.open()) {
      Tensor a = operand(n, kind, Seed.of(1));
      Tensor b = operand(n, kind, Seed.of(2));
      long start = System.nanoTime();
      for (int i = 0; i < 2 || System.nanoTime() - start < fit * 1e9; i++) {
        try (Scope scope = Scope.open()) {
          device.await();
          long before = System.nanoTime();
          LinearAlgebra.matmul(a, b);
          device.await();
          least = Math.min(least, (System.nanoTime() - before) / 1e9);
        }
      }
    }
    return least;
  }

  private static Tensor operand(int n, Kind kind, Seed seed) {
    Tensor x = Random.normal(Shape.of(n, n), seed, 0, 1, kind.device());
    return kind.type() == DType.F32 ? x : Pointwise.cast(x, kind.type());
  }
}
