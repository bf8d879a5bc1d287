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

  /** Measuring once a process is enough. */
  private static final Map<Device, Double> MEASURED = new HashMap<>();

  private PeakRate() {}

  /**
   * The floating-point operations a second of the best of several large matrix products.
   *
   * @param type of the operands; the processor computes all of them as F32
   */
  static synchronized double get(Device device, DType type) {
    return MEASURED.computeIfAbsent(device, any -> measure(any, type));
  }

  @SuppressWarnings("try") // the scope only has to close
  private static double measure(Device device, DType type) {
    boolean processor = device == Device.cpu();
    int n = processor ? 1024 : 8192;
    double best = 0;
    try (Scope all = Scope.open()) {
      Tensor a = operand(n, device, processor ? DType.F32 : type, Seed.of(1));
      Tensor b = operand(n, device, processor ? DType.F32 : type, Seed.of(2));
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

  private static Tensor operand(int n, Device device, DType type, Seed seed) {
    Tensor x = Random.normal(Shape.of(n, n), seed, 0, 1, device);
    return type == DType.F32 ? x : Pointwise.cast(x, type);
  }
}
