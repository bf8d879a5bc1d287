package io.gradus.benchmarks.pure;

import io.gradus.benchmarks.Start;
import io.gradus.benchmarks.Throughput;

/** The training step in pure Java, measured like {@code gradus bench}: packed, or plain loops. */
public final class PureBench {

  public static void main(String[] args) {
    Throughput throughput = Throughput.parse(args);
    int threads = throughput.threads();
    try (Kernels kernels =
        Boolean.getBoolean("gradus.benchmarks.loops") ? new Loops(threads) : new Packed(threads)) {
      throughput.print((workload, start) -> step(kernels, Throughput.mlpBatch(workload), start));
    }
  }

  private static Throughput.Step step(Kernels kernels, int batch, Start start) {
    var mlp =
        new PureMlp(
            kernels,
            batch,
            start.floats("0.weight"),
            start.floats("0.bias"),
            start.floats("2.weight"),
            start.floats("2.bias"));
    float[] x = start.floats("inputs");
    int[] labels = start.integers("targets");
    return new Throughput.Step(
        "samples/s", batch, () -> mlp.step(x, labels), () -> mlp.step(x, labels));
  }

  private PureBench() {}
}
