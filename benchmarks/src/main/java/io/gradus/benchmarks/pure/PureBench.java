package io.gradus.benchmarks.pure;

import io.gradus.benchmarks.Sizes;
import io.gradus.benchmarks.Throughput;
import java.io.IOException;

/** The training step in pure Java, measured like {@code gradus bench}: packed, or plain loops. */
public final class PureBench {

  public static void main(String[] args) throws IOException {
    Throughput throughput = Throughput.parse(args);
    int threads = throughput.threads();
    try (Kernels kernels =
        Boolean.getBoolean("gradus.benchmarks.loops") ? new Loops(threads) : new Packed(threads)) {
      throughput.print(workload -> step(kernels, Throughput.mlpBatch(workload)));
    }
  }

  private static Throughput.Step step(Kernels kernels, int batch) {
    var mlp = new PureMlp(kernels, batch);
    float[] x = Sizes.uniform(batch * Sizes.MLP_IN, 1, 3);
    int[] labels = Sizes.labels(batch, 4);
    return new Throughput.Step("samples/s", batch, () -> mlp.step(x, labels));
  }

  private PureBench() {}
}
