package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.data.SafeTensors;
import io.gradus.nn.Module;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/** Small transformers beside the same ones in PyTorch; golden/transformers.py made the files. */
class GoldenTransformersTest {

  private static final int VOCABULARY = 41;
  private static final int TIME = 16;

  private static SafeTensors golden(String name) throws Exception {
    String resource = "/golden/" + name + ".safetensors";
    return SafeTensors.read(Path.of(GoldenTransformersTest.class.getResource(resource).toURI()));
  }

  /** Batch i of a tensor whose first axis counts batches. */
  private static Tensor batch(Tensor all, int i) {
    long[] dims = java.util.Arrays.copyOfRange(all.shape().toArray(), 1, all.rank());
    Shape shape = Shape.of(dims);
    return all.view(shape, i * shape.size());
  }

  @Test
  void gpt2_is_that_of_pytorch() throws Exception {
    GptConfig config = GptConfig.gpt2(VOCABULARY, TIME, 24, 2, 4).withHidden(56);
    languageModel("gpt2", config);
  }

  @Test
  void llama_is_that_of_pytorch() throws Exception {
    languageModel("llama", GptConfig.llama(VOCABULARY, TIME, 24, 2, 4, 2, 56));
  }

  private static void languageModel(String name, GptConfig config) throws Exception {
    Gpt model = new Gpt(config, Device.cpu(), Seed.of(1));
    try (SafeTensors golden = golden(name)) {
      Tensor tokens = golden.tensor("tokens");
      compare(model, golden, golden.tensor("targets"), i -> model.forward(batch(tokens, i)));
    }
  }

  @Test
  void bert_is_that_of_pytorch() throws Exception {
    BertConfig config = new BertConfig(VOCABULARY, TIME, 2, 24, 2, 4, 56, 1e-12, 0);
    BertClassifier model = new BertClassifier(config, 2, Device.cpu(), Seed.of(1));
    try (SafeTensors golden = golden("bert")) {
      Tensor tokens = golden.tensor("tokens");
      Tensor types = golden.tensor("types");
      Tensor lengths = Pointwise.cast(golden.tensor("lengths"), DType.I32);
      compare(
          model,
          golden,
          golden.tensor("labels"),
          i -> model.forward(batch(tokens, i), batch(types, i), batch(lengths, i)));
    }
  }

  private static void compare(
      Module model, SafeTensors golden, Tensor targets, IntFunction<Tensor> forward)
      throws IOException {
    for (var parameter : model.parameters().asMap().entrySet()) {
      parameter.getValue().copyFrom(golden.tensor("initial." + parameter.getKey()));
    }
    Optimizer adam =
        AdamW.builder()
            .learningRate(3e-3)
            .betas(0.9, 0.95)
            .epsilon(1e-5)
            .weightDecay(0.1, name -> name.endsWith(".weight") && !name.contains("norm"))
            .build(model.parameters());
    float[] losses = golden.tensor("losses").toFloats();
    assertEquals(20, losses.length);
    for (int step = 0; step < losses.length; step++) {
      try (Tape tape = Tape.record()) {
        Tensor logits = forward.apply(step);
        if (step == 0) {
          assertClose(golden, "logits0", logits, 1e-5);
        }
        Tensor loss = Losses.crossEntropyInPlace(logits, batch(targets, step));
        assertEquals(losses[step], loss.item(), 1e-5 * losses[step], "loss of step " + step);
        Gradients gradients = tape.gradients(loss);
        if (step == 0) {
          for (var parameter : model.parameters().asMap().entrySet()) {
            String name = "grad." + parameter.getKey();
            assertClose(golden, name, gradients.get(parameter.getValue()), 1e-5);
          }
        }
        adam.step(gradients);
      }
    }
    for (var parameter : model.parameters().asMap().entrySet()) {
      assertClose(golden, "final." + parameter.getKey(), parameter.getValue(), 2e-5);
    }
  }

  /** Within a share of the largest value. */
  private static void assertClose(SafeTensors golden, String name, Tensor actual, double tolerance)
      throws IOException {
    float[] expected = golden.tensor(name).toFloats();
    double largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertArrayEquals(expected, actual.toFloats(), (float) (tolerance * largest), name);
  }
}
