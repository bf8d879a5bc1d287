package io.gradus.benchmarks;

import io.gradus.autograd.Tape;
import io.gradus.benchmarks.pure.PureMlp;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.op.Losses;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Sgd;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** How fast is a whole training step: forward, cross-entropy, backward, SGD? */
public class MlpBench {

  @State(Scope.Benchmark)
  public static class Batch {
    @Param({"32", "64", "256"})
    int batch;

    float[] x;
    int[] labels;

    @Setup
    public void fill() {
      x = Sizes.uniform(batch * Sizes.MLP_IN, 1, 3);
      labels = Sizes.labels(batch, 4);
    }
  }

  @State(Scope.Benchmark)
  public static class Gradus {
    Mlp model;
    Optimizer sgd;
    Tensor x;
    Tensor labels;

    @Setup
    public void build(Batch batch) {
      MlpConfig config = MlpConfig.of(Sizes.MLP_IN, Sizes.MLP_HIDDEN, Sizes.MLP_OUT);
      model = new Mlp(config, Device.cpu(), Seed.of(42));
      sgd = Sgd.builder().learningRate(Sizes.LEARNING_RATE).build(model.parameters());
      x = Tensor.of(batch.x, batch.batch, Sizes.MLP_IN);
      labels = Tensor.of(batch.labels, batch.batch);
    }
  }

  @State(Scope.Benchmark)
  public static class PackedMlp {
    PureMlp mlp;

    @Setup
    public void build(Batch batch, Engines.PackedLoops engine) {
      mlp = new PureMlp(engine.kernels, batch.batch);
    }
  }

  @State(Scope.Benchmark)
  public static class LoopsMlp {
    PureMlp mlp;

    @Setup
    public void build(Batch batch, Engines.PlainLoops engine) {
      mlp = new PureMlp(engine.kernels, batch.batch);
    }
  }

  @Benchmark
  public void gradus(Gradus g) {
    try (Tape tape = Tape.record()) {
      Tensor loss = Losses.crossEntropy(g.model.forward(g.x), g.labels);
      g.sgd.step(tape.gradients(loss));
    }
  }

  @Benchmark
  public float packed(Batch batch, PackedMlp packed) {
    return packed.mlp.step(batch.x, batch.labels);
  }

  @Benchmark
  public float loops(Batch batch, LoopsMlp loops) {
    return loops.mlp.step(batch.x, batch.labels);
  }
}
