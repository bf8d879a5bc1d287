package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.CapturedStep;
import io.gradus.autograd.Tape;
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
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/**
 * Training that lasts, on a GPU: small, for the emulated one, or, with {@code gradus.test.large}, a
 * model of 11 million parameters and 10,000 steps.
 */
@EnabledIf("hasCuda")
class CudaLongTrainingTest {

  private static final boolean LARGE = Boolean.getBoolean("gradus.test.large");
  private static final int COMPARED = 100;
  private static final int STEPS = LARGE ? 10_000 : 200;
  private static final int WARM = STEPS / 10;
  private static final int VOCABULARY = 65;

  static boolean hasCuda() {
    return Device.whyNoCuda() == null;
  }

  private static GptConfig config() {
    return LARGE ? GptConfig.named("shakespeare") : GptConfig.gpt2(VOCABULARY, 8, 32, 1, 2);
  }

  /** Text in which a token nearly always decides the next one. */
  private static TokenBatches text(int batch, int context) {
    var random = new SplittableRandom(4);
    int[] ids = new int[100_000];
    for (int i = 1; i < ids.length; i++) {
      int next = random.nextInt(8) == 0 ? random.nextInt(VOCABULARY) : ids[i - 1] * 7 + 3;
      ids[i] = next % VOCABULARY;
    }
    return TokenBatches.random(Tokens.of(ids, VOCABULARY), batch, context, Seed.of(2));
  }

  /** Losses of the steps of {@code gradus bench}'s optimizer, without dropout. */
  private static double[] losses(Device device, DType activations) {
    Gpt model = new Gpt(config().withDropout(0), device, Seed.of(1));
    model.activations(activations);
    Optimizer adam =
        AdamW.builder()
            .learningRate(step -> 1e-3 * Math.min(1, (step + 1) / (double) COMPARED))
            .weightDecay(0.1)
            .build(model.parameters());
    TokenBatches text = LARGE ? text(8, 256) : text(2, 8);
    double[] losses = new double[COMPARED];
    try (CapturedStep step = CapturedStep.of(in -> step(model, adam, in))) {
      for (int i = 0; i < COMPARED; i++) {
        try (TokenBatch batch = text.get(i).to(device)) {
          losses[i] = step.run(batch.inputs(), batch.targets()).item();
        }
      }
    }
    return losses;
  }

  private static Tensor step(Gpt model, Optimizer adam, Tensor... in) {
    try (Tape tape = Tape.record()) {
      Tensor loss = model.loss(new TokenBatch(in[0], in[1]));
      adam.step(tape.gradients(loss).clipNorm(1));
      return tape.keep(loss);
    }
  }

  @Test
  void a_hundred_steps_in_bf16_have_the_losses_of_f32_on_the_processor() {
    double[] want = losses(Device.cpu(), DType.F32);
    double[] got = losses(Device.cuda(0), DType.BF16);
    assertTrue(want[COMPARED - 1] < 0.97 * want[0], "nothing is learned: " + show(want));
    double furthest = 0;
    for (int i = 0; i < COMPARED; i++) {
      furthest = Math.max(furthest, Math.abs(got[i] - want[i]));
      assertEquals(want[i], got[i], 1e-2 * want[i], "step " + i);
    }
    System.out.printf(
        "losses of %d steps: %.4f to %.4f, at most %.5f apart%n",
        COMPARED, want[0], want[COMPARED - 1], furthest);
  }

  private static String show(double[] losses) {
    return Arrays.toString(losses);
  }

  @Test
  void a_replayed_language_model_takes_no_more_memory_with_each_step() throws IOException {
    Device gpu = Device.cuda(0);
    Gpt model = new Gpt(GptConfig.gpt2(VOCABULARY, 8, 32, 1, 2).withDropout(0.1), gpu, Seed.of(1));
    Optimizer adam = AdamW.builder().learningRate(1e-3).build(model.parameters());
    TokenBatches text = text(2, 8);
    Memory memory = new Memory(gpu);
    try (CapturedStep step = CapturedStep.of(in -> step(model, adam, in))) {
      for (int i = 0; i < STEPS; i++) {
        try (TokenBatch batch = text.get(i).to(gpu)) {
          step.run(batch.inputs(), batch.targets());
        }
        memory.look(i);
      }
    }
    memory.check();
  }

  @Test
  void a_classifier_takes_no_more_memory_with_each_tape() throws IOException {
    Device gpu = Device.cuda(0);
    Mlp model = new Mlp(MlpConfig.of(64, 128, 10), gpu, Seed.of(1));
    Optimizer adam = AdamW.builder().learningRate(1e-3).build(model.parameters());
    Tensor x = Random.normal(Shape.of(32, 64), Seed.of(2), 0, 1, gpu);
    int[] labels = new int[32];
    Arrays.setAll(labels, i -> i % 10);
    Tensor y = Tensor.of(labels).to(gpu);
    Memory memory = new Memory(gpu);
    for (int i = 0; i < STEPS; i++) {
      try (Tape tape = Tape.record()) {
        adam.step(tape.gradients(Losses.crossEntropy(model.forward(x), y)));
      }
      memory.look(i);
    }
    memory.check();
  }

  /** What was taken once everything had been used, and what is at the end. */
  private static final class Memory {
    /** More than this the JVM does not take for itself when its heap was touched before. */
    private static final long RESIDENT = 64L << 20;

    private final Device gpu;
    private long used;
    private long held;
    private long resident;

    Memory(Device gpu) {
      this.gpu = gpu;
    }

    void look(int step) throws IOException {
      if (step == WARM) {
        gpu.await();
        used = gpu.usedBytes();
        held = gpu.heldBytes();
        resident = residentBytes();
      }
    }

    void check() throws IOException {
      gpu.await();
      assertTrue(gpu.usedBytes() <= used, () -> "in use: " + used + " to " + gpu.usedBytes());
      assertTrue(gpu.heldBytes() <= held, () -> "held: " + held + " to " + gpu.heldBytes());
      long now = residentBytes();
      System.out.printf(
          "memory after %d and %d steps: %d and %d bytes on the device, %d and %d resident%n",
          WARM, STEPS, held, gpu.heldBytes(), resident, now);
      if (LARGE) {
        assertTrue(now < resident + RESIDENT, "resident memory: " + resident + " to " + now);
      }
    }

    private static long residentBytes() throws IOException {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findAny()
          .orElse(0);
    }
  }
}
