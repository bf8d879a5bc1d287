package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.data.SafeTensors;
import io.gradus.nn.Activation;
import io.gradus.op.Losses;
import io.gradus.op.Shapes;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Sgd;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MlpTest {

  private static Mlp mlp(MlpConfig config, long seed) {
    return new Mlp(config, Device.cpu(), Seed.of(seed));
  }

  /** The settings with which golden/mlp.py made the files. */
  private static final Map<String, Optimizer.Builder<?>> OPTIMIZERS =
      Map.of(
          "mlp_sgd", Sgd.builder().learningRate(0.1).momentum(0.9).weightDecay(1e-4),
          "mlp_adamw", AdamW.builder().learningRate(1e-2).weightDecay(0.1));

  @ParameterizedTest
  @ValueSource(strings = {"mlp_sgd", "mlp_adamw"})
  void ten_steps_are_those_of_pytorch(String run) throws Exception {
    Path file = Path.of(MlpTest.class.getResource("/golden/" + run + ".safetensors").toURI());
    Mlp model = mlp(MlpConfig.of(64, 32, 10), 1);
    try (SafeTensors golden = SafeTensors.read(file)) {
      for (var parameter : model.parameters().asMap().entrySet()) {
        parameter.getValue().copyFrom(golden.tensor("initial." + parameter.getKey()));
      }
      Optimizer optimizer = OPTIMIZERS.get(run).build(model.parameters());
      Tensor inputs = golden.tensor("inputs");
      Tensor labels = golden.tensor("labels");
      float[] losses = golden.tensor("losses").toFloats();
      assertEquals(10, losses.length);
      for (int step = 0; step < losses.length; step++) {
        try (Tape tape = Tape.record()) {
          Tensor logits = model.forward(row(inputs, step));
          Tensor loss = Losses.crossEntropy(logits, row(labels, step));
          Gradients gradients = tape.gradients(loss);
          assertEquals(losses[step], loss.item(), 1e-5 * losses[step], "loss of step " + step);
          if (step == 0) {
            assertClose(golden, "logits0", logits, 1e-6f);
            for (var parameter : model.parameters().asMap().entrySet()) {
              Tensor gradient = gradients.get(parameter.getValue());
              assertClose(golden, "grad." + parameter.getKey(), gradient, 1e-7f);
            }
          }
          optimizer.step(gradients);
        }
      }
      // PyTorch's own float run is 7e-8 away from its double run; ours sums in another order.
      for (var parameter : model.parameters().asMap().entrySet()) {
        assertClose(golden, "final." + parameter.getKey(), parameter.getValue(), 2e-6f);
      }
    }
  }

  private static Tensor row(Tensor x, int i) {
    Tensor row = Shapes.slice(x, i, i + 1);
    return Shapes.reshape(row, Arrays.copyOfRange(x.shape().toArray(), 1, x.rank()));
  }

  private static void assertClose(SafeTensors golden, String name, Tensor actual, float tolerance)
      throws java.io.IOException {
    assertEquals(golden.shape(name), actual.shape(), name);
    assertArrayEquals(golden.tensor(name).toFloats(), actual.toFloats(), tolerance, name);
  }

  @Test
  void names_count_every_layer_as_in_pytorch() {
    assertEquals(
        List.of("0.weight", "0.bias", "2.weight", "2.bias"),
        List.copyOf(mlp(MlpConfig.of(784, 256, 10), 1).parameters().names()));
    MlpConfig dropping = new MlpConfig(List.of(5, 4, 3, 2), Activation.GELU, 0.1);
    assertEquals(
        """
        Mlp(
          (0): Linear(in=5, out=4)
          (1): Gelu()
          (2): Dropout(p=0.1)
          (3): Linear(in=4, out=3)
          (4): Gelu()
          (5): Dropout(p=0.1)
          (6): Linear(in=3, out=2)
        )\
        """,
        mlp(dropping, 1).toString());
  }

  @Test
  void shapes_and_sizes_follow_the_configuration() {
    Mlp model = mlp(MlpConfig.of(784, 256, 10), 1);
    assertEquals(784 * 256 + 256 + 256 * 10 + 10, model.parameters().count());
    assertEquals(Shape.of(3, 10), model.forward(Tensor.zeros(3, 784)).shape());
    assertEquals(Shape.of(4, 2), mlp(MlpConfig.of(3, 2), 1).forward(Tensor.zeros(4, 3)).shape());
  }

  @Test
  void the_seed_decides_and_layers_differ() {
    MlpConfig config = MlpConfig.of(6, 6, 6);
    Map<String, String> one = values(mlp(config, 1));
    assertEquals(one, values(mlp(config, 1)));
    assertFalse(one.equals(values(mlp(config, 2))));
    assertEquals(4, one.values().stream().distinct().count());
  }

  private static Map<String, String> values(Mlp model) {
    Map<String, String> values = new TreeMap<>();
    model
        .parameters()
        .asMap()
        .forEach((name, tensor) -> values.put(name, Arrays.toString(tensor.toFloats())));
    return values;
  }

  @Test
  void an_input_of_the_wrong_size_is_refused() {
    Mlp model = mlp(MlpConfig.of(4, 2), 1);
    var error =
        assertThrows(IllegalArgumentException.class, () -> model.forward(Tensor.zeros(3, 5)));
    assertEquals(
        "linear: the input's last size must be the weight's second: (3, 5) and (2, 4); the weight"
            + " is (out, in)",
        error.getMessage());
  }

  @Test
  void a_configuration_needs_sizes_and_a_probability() {
    var error = assertThrows(IllegalArgumentException.class, () -> MlpConfig.of(4));
    assertEquals(
        "mlp: needs two or more positive sizes, input first and output last: [4]",
        error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> MlpConfig.of(4, 0, 2));
    assertThrows(
        IllegalArgumentException.class,
        () -> new MlpConfig(List.of(4, 2), Activation.RELU, Double.NaN));
  }
}
