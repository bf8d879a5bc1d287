package io.gradus.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.gradus.autograd.Tape;
import io.gradus.model.BertClassifier;
import io.gradus.model.BertConfig;
import io.gradus.model.CnnConfig;
import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
import io.gradus.model.LeNet;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.model.ResNet;
import io.gradus.model.RnnClassifier;
import io.gradus.model.RnnClassifierConfig;
import io.gradus.model.Vit;
import io.gradus.model.VitConfig;
import io.gradus.nn.Activation;
import io.gradus.nn.Dropout;
import io.gradus.nn.FeedForward;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.nn.Relu;
import io.gradus.nn.Residual;
import io.gradus.nn.Sequential;
import io.gradus.op.Pointwise;
import io.gradus.report.ModelSummary.Layer;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ModelSummaryTest {

  private static Linear linear(int in, int out) {
    return new Linear(in, out, Device.cpu(), Seed.of(1));
  }

  /** Runs its parts by forward, so that their calls are not seen. */
  private static final class Opaque extends Module {
    private final Linear inner = child("inner", linear(6, 6));
    private final Relu relu = child("relu", new Relu());

    @Override
    public Tensor forward(Tensor x) {
      return Pointwise.add(x, relu.forward(inner.forward(x)));
    }
  }

  private static Layer layer(ModelSummary summary, String name) {
    return summary.layers().stream().filter(l -> l.name().equals(name)).findFirst().orElseThrow();
  }

  @Test
  void the_layers_of_an_mlp_have_their_shapes_parameters_and_flops() {
    MlpConfig config = new MlpConfig(List.of(8, 16, 3), Activation.RELU, 0.5);
    Mlp mlp = new Mlp(config, Device.cpu(), Seed.of(1));
    mlp.parameters().freeze(name -> name.startsWith("0."));
    ModelSummary summary = ModelSummary.of(mlp, Shape.of(4, 8));
    assertEquals(
        List.of("", "0", "1", "2", "3"), summary.layers().stream().map(Layer::name).toList());
    assertEquals(
        List.of("Mlp", "Linear", "Relu", "Dropout", "Linear"),
        summary.layers().stream().map(Layer::type).toList());
    assertEquals(
        List.of(Shape.of(4, 3), Shape.of(4, 16), Shape.of(4, 16), Shape.of(4, 16), Shape.of(4, 3)),
        summary.layers().stream().map(Layer::output).toList());
    assertEquals(
        List.of(195L, 144L, 0L, 0L, 51L),
        summary.layers().stream().map(Layer::parameters).toList());
    assertEquals(
        List.of(51L, 0L, 0L, 0L, 51L), summary.layers().stream().map(Layer::trainable).toList());
    double first = layer(summary, "0").flops();
    assertTrue(first >= 2 * 4 * 8 * 16 && first < 2.5 * 4 * 8 * 16, "" + first);
    assertEquals(0, layer(summary, "2").flops(), "in evaluation, dropout does nothing");
    double parts = summary.layers().stream().skip(1).mapToDouble(Layer::flops).sum();
    assertEquals(parts, summary.flops(), 0.1 * parts);
    assertEquals(195 * 4, summary.parameterBytes());
    // linear, relu, linear; the dropout makes nothing
    assertEquals(4 * 4 * (16 + 16 + 3), summary.activationBytes());
  }

  @Test
  void parts_that_a_module_runs_by_itself_are_known_by_their_parameters() {
    Sequential model = new Sequential(linear(5, 6), new Opaque(), linear(6, 2));
    ModelSummary summary = ModelSummary.of(model, Shape.of(7, 5));
    assertEquals(Shape.of(7, 6), layer(summary, "1").output());
    assertTrue(layer(summary, "1").flops() > 2 * 7 * 6 * 6);
    assertEquals(Shape.of(7, 6), layer(summary, "1.inner").output());
    assertTrue(Double.isNaN(layer(summary, "1.inner").flops()));
    assertNull(layer(summary, "1.relu").output());
    String text = summary.toString();
    List<String> lines = text.lines().toList();
    assertTrue(lines.get(0).startsWith("layer "), text);
    assertTrue(lines.get(1).matches("\\(model\\) +Sequential +\\(7, 2\\) +92 +92 +[0-9.]+"), text);
    assertTrue(lines.get(4).matches(" {4}inner +Linear +\\(7, 6\\) +42 +42 +-"), text);
    assertTrue(lines.get(5).matches(" {4}relu +Relu +- +0 +0 +-"), text);
    assertEquals("parameters 92, of which 92 train and 0 are frozen", lines.get(7));
  }

  @Test
  void a_language_model_is_summed_up_from_token_ids() {
    Gpt gpt = new Gpt(GptConfig.tiny(), Device.cpu(), Seed.of(1));
    try (Tensor ids = Tensor.of(new int[2 * 8], 2, 8)) {
      ModelSummary summary = ModelSummary.of(gpt, ids);
      assertEquals(gpt.parameters().count(), summary.parameters());
      assertEquals(gpt.forward(ids).shape(), summary.layers().get(0).output());
      assertTrue(summary.flops() > 2.0 * 16 * gpt.parameters().count() / 2);
      assertTrue(
          summary.layers().stream()
              .filter(l -> l.type().equals("Linear") || l.type().equals("LayerNorm"))
              .allMatch(l -> l.output() != null),
          summary::toString);
    }
  }

  static Stream<Arguments> models() {
    Device cpu = Device.cpu();
    Seed seed = Seed.of(1);
    var gpt2 = GptConfig.gpt2(11, 8, 24, 2, 2);
    var llama = GptConfig.llama(11, 8, 24, 2, 4, 2, 40);
    var bert = new BertConfig(29, 12, 2, 24, 2, 3, 40, 1e-12, 0.1);
    var rnn = RnnClassifierConfig.lstm(11, 6, 8, 3);
    var vit = new VitConfig(6, 4, 2, 2, 8, 2, 2, 16, 3, 1e-12, 0.1);
    return Stream.of(
        arguments(new Gpt(gpt2, cpu, seed), tokens()),
        arguments(new Gpt(llama, cpu, seed), tokens()),
        arguments(new BertClassifier(bert, 3, cpu, seed), tokens()),
        arguments(new RnnClassifier(rnn, cpu, seed), tokens()),
        arguments(new ResNet(CnnConfig.resNet(3, 8, 5, 1), cpu, seed), Tensor.zeros(2, 3, 8, 8)),
        arguments(new LeNet(CnnConfig.leNet(1, 28, 5), cpu, seed), Tensor.zeros(2, 1, 28, 28)),
        arguments(new Vit(vit, cpu, seed), Tensor.zeros(2, 2, 6, 4)),
        arguments(
            new Residual(new FeedForward(6, 9, FeedForward.Kind.SWIGLU, true, cpu, seed)),
            Tensor.zeros(2, 3, 6)));
  }

  private static Tensor tokens() {
    return Tensor.of(new int[2 * 8], 2, 8);
  }

  @ParameterizedTest
  @MethodSource("models")
  void all_parts_of_a_model_have_their_shapes_parameters_and_flops(Module model, Tensor x) {
    try (x) {
      List<Layer> layers = ModelSummary.of(model, x).layers();
      Map<String, Module> parts = new LinkedHashMap<>();
      collect("", model, parts);
      assertEquals(List.copyOf(parts.keySet()), layers.stream().map(Layer::name).toList());
      for (Layer layer : layers) {
        Module part = parts.get(layer.name());
        assertEquals(part.parameters().count(), layer.parameters(), layer::toString);
        assertNotNull(layer.output(), layer::toString);
        assertFalse(Double.isNaN(layer.flops()), layer::toString);
        double inside =
            part.children().keySet().stream()
                .mapToDouble(name -> flops(layers, layer.name(), name))
                .sum();
        assertTrue(inside <= 1.01 * layer.flops(), () -> layer + " has parts of " + inside);
      }
      assertEquals(model.forward(x).shape(), layers.get(0).output());
    }
  }

  private static void collect(String name, Module module, Map<String, Module> into) {
    into.put(name, module);
    module.children().forEach((part, child) -> collect(inside(name, part), child, into));
  }

  private static String inside(String name, String part) {
    return name.isEmpty() ? part : name + "." + part;
  }

  private static double flops(List<Layer> layers, String name, String part) {
    String whole = inside(name, part);
    return layers.stream().filter(l -> l.name().equals(whole)).findFirst().orElseThrow().flops();
  }

  @Test
  void a_layer_that_is_called_twice_counts_twice() {
    Linear shared = linear(4, 4);
    double once = ModelSummary.of(shared, Shape.of(3, 4)).flops();
    ModelSummary twice = ModelSummary.of(new Sequential(shared, shared), Shape.of(3, 4));
    assertEquals(2 * once, twice.flops());
    assertEquals(2 * once, layer(twice, "0").flops());
    assertEquals(20, twice.parameters());
  }

  @Test
  void modes_stay_as_they_were_and_so_does_memory() {
    Dropout frozen = new Dropout(0.5, Seed.of(1));
    Sequential model = new Sequential(linear(4, 4), frozen, new Sequential(linear(4, 2)));
    model.train();
    frozen.eval();
    ModelSummary.of(model, Shape.of(3, 4));
    assertTrue(model.isTraining());
    assertFalse(frozen.isTraining());
    assertTrue(model.layers().get(2).isTraining());
    assertThrows(RuntimeException.class, () -> ModelSummary.of(model, Shape.of(3, 5)));
    assertTrue(model.isTraining());
    assertFalse(frozen.isTraining());
  }

  @Test
  void a_tape_that_records_would_record_it_and_is_refused() {
    Linear linear = linear(2, 2);
    try (Tape tape = Tape.record()) {
      assertThrows(IllegalStateException.class, () -> ModelSummary.of(linear, Shape.of(1, 2)));
      assertEquals(0, tape.size());
    }
  }

  @Test
  void watchers_see_calls_while_they_watch_and_the_inner_one_alone() {
    Sequential model = new Sequential(linear(4, 3), new Relu());
    List<String> outer = new ArrayList<>();
    List<String> inner = new ArrayList<>();
    try (Tensor x = Tensor.zeros(2, 4)) {
      Module.watch(
          (module, in, out, again) -> outer.add(module.getClass().getSimpleName() + out.shape()),
          () -> {
            Module.watch(
                (module, in, out, again) -> inner.add("" + in.shape()), () -> model.call(x));
            return model.forward(x);
          });
      model.call(x);
    }
    assertEquals(List.of("Linear(2, 3)", "Relu(2, 3)"), outer);
    assertEquals(List.of("(2, 4)", "(2, 3)", "(2, 4)"), inner);
  }
}
