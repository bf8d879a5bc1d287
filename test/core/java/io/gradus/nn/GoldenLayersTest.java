package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.data.SafeTensors;
import io.gradus.op.AttentionOptions;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Layers beside the same ones in PyTorch; golden/layers.py made the files. */
class GoldenLayersTest {

  private static final Device CPU = Device.cpu();
  private static final Seed SEED = Seed.of(1);
  private static final Tensor LENGTHS = Tensor.of(new int[] {4, 6, 1}, 3);
  private static final Tensor KEY_LENGTHS = Tensor.of(new int[] {5, 2, 4}, 3);

  /** A layer, the names of its inputs, and its outputs by their names. */
  private record Layer(
      String name,
      Module module,
      List<String> inputs,
      Function<List<Tensor>, Map<String, Tensor>> forward) {}

  @TestFactory
  Stream<DynamicTest> recurrent_layers_are_those_of_pytorch() {
    RecurrentOptions two = RecurrentOptions.layers(2).bothDirections();
    List<Layer> layers = new ArrayList<>();
    for (boolean packed : new boolean[] {true, false}) {
      Tensor lengths = packed ? LENGTHS : null;
      String kind = packed ? ".packed" : ".whole";
      for (Activation activation : List.of(Activation.TANH, Activation.RELU)) {
        Rnn rnn = new Rnn(4, 5, activation, two, CPU, SEED);
        layers.add(
            new Layer(
                activation.name().toLowerCase(Locale.ROOT) + kind,
                rnn,
                List.of("x", "h0"),
                x -> outputs(rnn.forward(x.get(0), x.get(1), lengths))));
      }
      Gru gru = new Gru(4, 5, two, CPU, SEED);
      layers.add(
          new Layer(
              "gru" + kind,
              gru,
              List.of("x", "h0"),
              x -> outputs(gru.forward(x.get(0), x.get(1), lengths))));
      Lstm lstm = new Lstm(4, 5, two, CPU, SEED);
      layers.add(
          new Layer(
              "lstm" + kind,
              lstm,
              List.of("x", "h0", "c0"),
              x -> outputs(lstm.forward(x.get(0), x.get(1), x.get(2), lengths))));
    }
    return tests("recurrent", layers);
  }

  private static Map<String, Tensor> outputs(RecurrentOutput output) {
    Map<String, Tensor> outputs = new LinkedHashMap<>(Map.of("y", output.y(), "h", output.h()));
    if (output.c() != null) {
      outputs.put("c", output.c());
    }
    return outputs;
  }

  @TestFactory
  Stream<DynamicTest> attention_is_that_of_pytorch() throws Exception {
    MultiHeadAttention attention = new MultiHeadAttention(8, 2, CPU, SEED);
    Tensor mask;
    try (SafeTensors file = golden("attention")) {
      mask = file.tensor("apart.mask");
    }
    AttentionOptions full = AttentionOptions.full();
    return tests(
        "attention",
        List.of(
            new Layer(
                "self",
                attention,
                List.of("x"),
                x -> one(attention.forward(x.get(0), full.lengths(LENGTHS)))),
            new Layer(
                "apart",
                attention,
                List.of("q", "k", "v"),
                x ->
                    one(
                        attention.forward(
                            x.get(0), x.get(1), x.get(2), full.lengths(KEY_LENGTHS).mask(mask)))),
            new Layer(
                "cross",
                attention,
                List.of("q", "k"),
                x -> one(attention.forward(x.get(0), x.get(1), x.get(1), full))),
            new Layer(
                "causal",
                attention,
                List.of("x"),
                x -> one(attention.forward(x.get(0), AttentionOptions.causal())))));
  }

  @TestFactory
  Stream<DynamicTest> transformers_are_those_of_pytorch() {
    TransformerOptions post = TransformerOptions.of(8, 2, 12).withDropout(0);
    TransformerOptions pre = post.withPreNorm().withActivation(FeedForward.Kind.GELU_ERF);
    AttentionOptions full = AttentionOptions.full();
    List<Layer> layers = new ArrayList<>();
    for (TransformerOptions options : List.of(post, pre)) {
      String kind = options.preNorm() ? ".pre" : ".post";
      var encoder = new TransformerEncoder(options, 2, options.preNorm(), CPU, SEED);
      layers.add(
          new Layer(
              "encoder" + kind,
              encoder,
              List.of("x"),
              x -> one(encoder.forward(x.get(0), full.lengths(LENGTHS)))));
      var decoder = new TransformerDecoder(options, 2, options.preNorm(), CPU, SEED);
      layers.add(
          new Layer(
              "decoder" + kind,
              decoder,
              List.of("x", "memory"),
              x ->
                  one(
                      decoder.forward(
                          x.get(0),
                          x.get(1),
                          AttentionOptions.causal(),
                          full.lengths(KEY_LENGTHS)))));
    }
    return tests("attention", layers);
  }

  private static Map<String, Tensor> one(Tensor y) {
    return Map.of("y", y);
  }

  private static SafeTensors golden(String name) throws Exception {
    String resource = "/golden/" + name + ".safetensors";
    return SafeTensors.read(Path.of(GoldenLayersTest.class.getResource(resource).toURI()));
  }

  private static Stream<DynamicTest> tests(String file, List<Layer> layers) {
    return layers.stream()
        .map(
            layer ->
                DynamicTest.dynamicTest(
                    layer.name(),
                    () -> {
                      try (SafeTensors golden = golden(file)) {
                        compare(layer, golden);
                      }
                    }));
  }

  private static void compare(Layer layer, SafeTensors golden) throws IOException {
    String name = layer.name() + ".";
    Map<String, Tensor> parameters = layer.module().parameters().asMap();
    for (var parameter : parameters.entrySet()) {
      parameter.getValue().copyFrom(golden.tensor(name + parameter.getKey()));
    }
    Map<String, Tensor> targets = new LinkedHashMap<>(parameters);
    List<Tensor> inputs = new ArrayList<>();
    for (String input : layer.inputs()) {
      inputs.add(golden.tensor(name + input));
      targets.put(input, inputs.get(inputs.size() - 1));
    }
    try (Tape tape = Tape.record()) {
      Tensor loss = Tensor.zeros();
      for (var output : layer.forward().apply(inputs).entrySet()) {
        assertClose(golden, name + output.getKey(), output.getValue());
        Tensor weight = golden.tensor(name + "d" + output.getKey());
        loss = Pointwise.add(loss, Reductions.sum(Pointwise.mul(output.getValue(), weight)));
      }
      Gradients gradients = tape.gradients(loss, targets.values().toArray(Tensor[]::new));
      for (var target : targets.entrySet()) {
        assertClose(golden, name + "grad." + target.getKey(), gradients.get(target.getValue()));
      }
    }
    long named = golden.names().stream().filter(n -> n.startsWith(name + "grad.")).count();
    assertEquals(named, targets.size(), "parameters and inputs that PyTorch has");
  }

  /** Within a share of the largest value. */
  private static void assertClose(SafeTensors golden, String name, Tensor actual)
      throws IOException {
    Tensor expected = golden.tensor(name);
    assertEquals(expected.shape(), actual.shape(), name);
    double largest = 1e-3; // gradients that cancel to nothing, such as those of keys' biases
    for (float value : expected.toFloats()) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertArrayEquals(expected.toFloats(), actual.toFloats(), (float) (1e-5 * largest), name);
  }
}
