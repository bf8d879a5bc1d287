package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Graph;
import io.gradus.autograd.GraphStep;
import io.gradus.autograd.Tape;
import io.gradus.data.Tokens;
import io.gradus.model.BertClassifier;
import io.gradus.model.BertConfig;
import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
import io.gradus.nn.FeedForward;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole models on a GPU, or on the emulated one, beside the same on the processor. */
@EnabledIf("hasCuda")
class CudaTrainingTest {

  private static final int STEPS = 20;

  @TempDir private Path folder;

  static boolean hasCuda() {
    return Device.whyNoCuda() == null;
  }

  private enum Kind {
    GPT2(GptConfig.gpt2(11, 16, 24, 2, 3).withDropout(0.1), DType.F32, 2e-5),
    LLAMA(GptConfig.llama(11, 16, 24, 2, 4, 2, 40), DType.F32, 2e-5),
    GPT2_IN_BF16(GptConfig.gpt2(11, 16, 32, 2, 2), DType.BF16, 1e-2);

    final GptConfig config;
    final DType activations;
    final double tolerance;

    Kind(GptConfig config, DType activations, double tolerance) {
      this.config = config;
      this.activations = activations;
      this.tolerance = tolerance;
    }

    Gpt model(Device device) {
      Gpt model = new Gpt(config, device, Seed.of(1));
      model.activations(activations);
      return model;
    }
  }

  private static Tokens text() {
    int[] ids = new int[700];
    Arrays.setAll(ids, i -> i % 7 == 0 ? 10 : i * i % 10);
    return Tokens.of(ids, 11);
  }

  private double[] losses(Gpt model) throws IOException {
    var config =
        new PretrainingConfig(
            4, 8, 2, STEPS, 1e-2, 5, 0.1, 0.1, false, 0.9, 0.95, 1, STEPS, 0, STEPS, -1);
    List<Double> losses = new ArrayList<>();
    var training = new Pretraining(model, text(), null, config, Seed.of(3), null);
    training.run(
        new Pretraining.Listener() {
          @Override
          public void step(Pretraining.Step step) {
            losses.add(step.loss());
          }
        });
    return losses.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** Replayed from a capture, clipped, accumulated, with dropout. */
  @ParameterizedTest
  @EnumSource
  void a_gpt_learns_as_on_the_processor(Kind kind) throws IOException {
    double[] want = losses(kind.model(Device.cpu()));
    double[] got = losses(kind.model(Device.cuda(0)));
    assertTrue(want[STEPS - 1] < 0.9 * want[0], "nothing is learned: " + Arrays.toString(want));
    for (int i = 0; i < STEPS; i++) {
      assertEquals(want[i], got[i], kind.tolerance * want[i], "step " + i);
    }
  }

  @Test
  void a_run_has_the_same_bits_as_another() throws IOException {
    double[] first = losses(Kind.GPT2.model(Device.cuda(0)));
    assertArrayEquals(first, losses(Kind.GPT2.model(Device.cuda(0))), 0);
  }

  @Test
  void an_encoder_learns_as_on_the_processor() {
    double[] want = encoderLosses(Device.cpu());
    assertArrayEquals(want, encoderLosses(Device.cuda(0)), 2e-5 * want[0]);
  }

  private static double[] encoderLosses(Device device) {
    var config = new BertConfig(50, 16, 2, 24, 2, 3, 48, 1e-12, 0.0);
    var model = new BertClassifier(config, 2, device, Seed.of(5));
    Optimizer adam = AdamW.builder().learningRate(1e-2).build(model.parameters());
    int[] ids = new int[4 * 9];
    Arrays.setAll(ids, i -> i * 7 % 50);
    double[] losses = new double[STEPS];
    for (int i = 0; i < STEPS; i++) {
      try (Tape tape = Tape.record()) {
        Tensor tokens = Tensor.of(ids, 4, 9).to(device);
        Tensor lengths = Tensor.of(new int[] {9, 3, 1, 7}, 4).to(device);
        Tensor labels = Tensor.of(new int[] {0, 1, 1, 0}, 4).to(device);
        Tensor loss = Losses.crossEntropy(model.forward(tokens, null, lengths), labels);
        adam.step(tape.gradients(loss));
        losses[i] = loss.item();
      }
    }
    return losses;
  }

  @Test
  void a_replay_in_bf16_joins_products_with_what_stands_around_them() {
    Device gpu = Device.cuda(0);
    Tensor x = Random.normal(Shape.of(33, 24), Seed.of(3), 0, 1, gpu);
    float[] want = gradientsOf(Device.cpu()).run(x.to(Device.cpu())).toFloats();
    double largest = 0;
    for (float one : want) {
      largest = Math.max(largest, Math.abs(one));
    }
    try (Graph graph = Graph.capture(gradientsOf(gpu), x)) {
      List<String> names = graph.steps().stream().map(GraphStep::name).toList();
      assertEquals(2, Collections.frequency(names, "matmulActivation"), graph::toString);
      assertEquals(2, Collections.frequency(names, "matmulSums"), graph::toString);
      graph.replay(x);
      float[] got = graph.replay(x).toFloats();
      for (int i = 0; i < want.length; i++) {
        assertEquals(want[i], got[i], 0.03 * Math.abs(want[i]) + 0.005 * largest, "element " + i);
      }
    }
  }

  /** The gradients of a layer's input and F32 parameters, where its activations are BF16. */
  private static Graph.Step gradientsOf(Device device) {
    var layer = new FeedForward(24, 64, FeedForward.Kind.GELU, true, device, Seed.of(9));
    return in -> {
      try (Tape tape = Tape.record()) {
        Tensor x = Pointwise.cast(in[0], DType.BF16);
        Tensor y = layer.forward(x);
        Tensor loss = Reductions.sum(Pointwise.mul(y, y));
        List<Tensor> targets = new ArrayList<>(layer.parameters().asMap().values());
        targets.add(x);
        Gradients gradients = tape.gradients(loss, targets.toArray(Tensor[]::new));
        List<Tensor> all = new ArrayList<>();
        for (Tensor target : targets) {
          Tensor gradient = Pointwise.cast(gradients.get(target), DType.F32);
          all.add(Shapes.reshape(gradient, gradient.size()));
        }
        return tape.keep(Shapes.concat(0, all.toArray(Tensor[]::new)));
      }
    };
  }

  @Test
  void weights_go_to_a_file_and_to_the_other_device() throws IOException {
    Gpt there = Kind.GPT2.model(Device.cuda(0));
    losses(there);
    Path file = folder.resolve("model.safetensors");
    there.save(file);
    Gpt here = new Gpt(Kind.GPT2.config, Device.cpu(), Seed.of(2));
    here.load(file);
    for (Map.Entry<String, Tensor> one : here.parameters().asMap().entrySet()) {
      Tensor other = there.parameters().asMap().get(one.getKey());
      assertArrayEquals(one.getValue().toFloats(), other.toFloats(), 0, one.getKey());
    }
  }
}
