package io.gradus.train;

import io.gradus.autograd.Tape;
import io.gradus.data.Batch;
import io.gradus.data.Batches;
import io.gradus.data.Dataset;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.op.Losses;
import io.gradus.op.Random;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A program that trains for 10,000 steps and prints what its memory did; {@link SteadyMemoryTest}
 * runs it. With the argument {@code forgotten}, it closes no tape.
 */
final class SteadyTraining {

  private static final int STEPS = 10_000;
  private static final int WARM = 200;

  private SteadyTraining() {}

  public static void main(String[] args) throws IOException {
    boolean forgotten = args.length > 0 && args[0].equals("forgotten");
    Device cpu = Device.cpu();
    Mlp model = new Mlp(MlpConfig.of(64, 128, 10), cpu, Seed.of(1));
    Optimizer adam = AdamW.builder().learningRate(1e-3).build(model.parameters());
    int[] labels = new int[320];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = i % 10;
    }
    Tensor inputs = Random.normal(Shape.of(labels.length, 64), Seed.of(2), 0, 1, cpu);
    Batches batches = Batches.of(new Dataset(inputs, Tensor.of(labels)), 32).shuffle(Seed.of(3));

    long heldThen = 0;
    long residentThen = 0;
    long most = 0;
    for (int step = 0; step < STEPS; ) {
      for (Batch batch : batches) {
        if (forgotten) {
          step(Tape.record(), model, batch, adam);
        } else {
          try (Tape tape = Tape.record()) {
            step(tape, model, batch, adam);
          }
        }
        if (++step == WARM) {
          heldThen = cpu.heldBytes();
          residentThen = resident();
        }
        most = Math.max(most, cpu.usedBytes());
      }
    }
    System.out.println(
        "held "
            + heldThen
            + " "
            + cpu.heldBytes()
            + " resident "
            + residentThen
            + " "
            + resident()
            + " most "
            + most);
  }

  private static void step(Tape tape, Mlp model, Batch batch, Optimizer adam) {
    Tensor loss = Losses.crossEntropy(model.forward(batch.inputs()), batch.targets());
    adam.step(tape.gradients(loss));
  }

  /** Resident memory of this process in bytes; 0 where the system does not tell. */
  private static long resident() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.isReadable(status)) {
      return 0;
    }
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
      }
    }
    return 0;
  }
}
