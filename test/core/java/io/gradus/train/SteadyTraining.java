package io.gradus.train;

import io.gradus.autograd.CapturedStep;
import io.gradus.autograd.Tape;
import io.gradus.data.Batch;
import io.gradus.data.Batches;
import io.gradus.data.TensorDataset;
import io.gradus.data.TokenBatch;
import io.gradus.data.TokenBatches;
import io.gradus.data.Tokens;
import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
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
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A program that trains and prints what its memory did; {@link SteadyMemoryTest} runs it: an MLP
 * for 10,000 steps, with the argument {@code forgotten} without closing a tape, or, with {@code
 * gpt}, a language model for 1,000, or, with {@code replayed}, the same as a graph.
 */
final class SteadyTraining {

  private static final int WARM = 200;

  private static final TokenBatches BATCHES =
      TokenBatches.random(
          Tokens.of(new SplittableRandom(1).ints(10_000, 0, 512).toArray(), 512),
          4,
          32,
          Seed.of(2));

  private static long heldThen;
  private static long residentThen;
  private static long faultsThen;
  private static long most;

  private SteadyTraining() {}

  public static void main(String[] args) throws IOException {
    if (args.length > 0 && args[0].equals("gpt")) {
      trainGpt();
    } else if (args.length > 0 && args[0].equals("replayed")) {
      replayGpt();
    } else {
      trainMlp(args.length > 0);
    }
    System.out.println(
        Stream.of(
                heldThen,
                Device.cpu().heldBytes(),
                residentThen,
                resident(),
                most,
                faults() - faultsThen)
            .map(String::valueOf)
            .collect(Collectors.joining(" ")));
  }

  private static void trainMlp(boolean forgotten) throws IOException {
    Device cpu = Device.cpu();
    Mlp model = new Mlp(MlpConfig.of(64, 128, 10), cpu, Seed.of(1));
    Optimizer adam = AdamW.builder().learningRate(1e-3).build(model.parameters());
    int[] labels = new int[320];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = i % 10;
    }
    Tensor inputs = Random.normal(Shape.of(labels.length, 64), Seed.of(2), 0, 1, cpu);
    Batches batches =
        Batches.of(new TensorDataset(inputs, Tensor.of(labels)), 32).shuffle(Seed.of(3));
    for (int step = 0; step < 10_000; ) {
      for (Batch batch : batches) {
        if (forgotten) {
          step(Tape.record(), model, batch, adam);
        } else {
          try (Tape tape = Tape.record()) {
            step(tape, model, batch, adam);
          }
        }
        look(++step);
      }
    }
  }

  private static Gpt gpt() {
    GptConfig config = GptConfig.gpt2(512, 32, 64, 2, 4).withDropout(0.1);
    return new Gpt(config, Device.cpu(), Seed.of(1));
  }

  private static void trainGpt() throws IOException {
    Gpt model = gpt();
    Optimizer adam = AdamW.builder().learningRate(1e-3).build(model.parameters());
    for (int step = 0; step < 1_000; ) {
      try (Tape tape = Tape.record()) {
        adam.step(tape.gradients(model.loss(BATCHES.get(step))).clipNorm(1));
      }
      look(++step);
    }
  }

  private static void replayGpt() throws IOException {
    Gpt model = gpt();
    Optimizer adam = AdamW.builder().learningRate(1e-3).build(model.parameters());
    CapturedStep captured =
        CapturedStep.of(
            in -> {
              try (Tape tape = Tape.record()) {
                Tensor loss = model.loss(new TokenBatch(in[0], in[1]));
                adam.step(tape.gradients(loss).clipNorm(1));
                return tape.keep(loss);
              }
            });
    for (int step = 0; step < 1_000; ) {
      try (TokenBatch batch = BATCHES.get(step)) {
        captured.run(batch.inputs(), batch.targets());
      }
      look(++step);
    }
  }

  /** Notes what memory is in use once everything has been used. */
  private static void look(int step) throws IOException {
    if (step == WARM) {
      heldThen = Device.cpu().heldBytes();
      residentThen = resident();
      faultsThen = faults();
    }
    most = Math.max(most, Device.cpu().usedBytes());
  }

  /**
   * How often this thread and the kernels' own touched a page that was not there: not the virtual
   * machine's, which compile for as long as they like. 0 where the system does not tell.
   */
  private static long faults() throws IOException {
    Path own = Path.of("/proc/thread-self/stat");
    if (!Files.isReadable(own)) {
      return 0;
    }
    long faults = faults(own);
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path thread : threads) {
        if (Files.readString(thread.resolve("comm")).startsWith("gradus-")) {
          faults += faults(thread.resolve("stat"));
        }
      }
    }
    return faults;
  }

  private static long faults(Path stat) throws IOException {
    String text = Files.readString(stat);
    return Long.parseLong(text.substring(text.lastIndexOf(')') + 2).split(" ")[7]);
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
