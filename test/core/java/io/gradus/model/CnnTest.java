package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.op.Losses;
import io.gradus.op.Random;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CnnTest {

  private static final Device CPU = Device.cpu();

  private static Cnn cnn(CnnConfig config) {
    return Cnn.of(config, CPU, Seed.of(1));
  }

  private static Tensor images(long batch, CnnConfig config) {
    Shape shape = Shape.of(batch, config.channels(), config.size(), config.size());
    return Random.normal(shape, Seed.of(2), 0, 1, CPU);
  }

  @Test
  void networks_take_the_sizes_of_the_usual_images() {
    for (CnnConfig config :
        List.of(
            CnnConfig.leNet(1, 28, 10),
            CnnConfig.leNet(3, 32, 10).withWidth(12),
            CnnConfig.resNet(1, 28, 10, 1).withWidth(4),
            CnnConfig.resNet(3, 32, 100, 2).withWidth(4))) {
      Tensor scores = cnn(config).forward(images(2, config));
      assertEquals(Shape.of(2, config.classes()), scores.shape());
    }
  }

  @Test
  void a_lenet_has_the_layers_of_lecuns() {
    Cnn model = cnn(CnnConfig.leNet(1, 28, 10));
    assertEquals(61_706, model.parameters().count());
    assertEquals(
        List.of(
            "conv1.weight",
            "conv1.bias",
            "conv2.weight",
            "conv2.bias",
            "fc1.weight",
            "fc1.bias",
            "fc2.weight",
            "fc2.bias",
            "fc3.weight",
            "fc3.bias"),
        List.copyOf(model.parameters().asMap().keySet()));
  }

  @Test
  void a_residual_network_has_the_size_that_he_reports_and_torchvisions_names() {
    Cnn model = cnn(CnnConfig.resNet(3, 32, 10, 3));
    // 0.27 million in the paper, whose shortcuts have no parameters; ours have two of 1 x 1.
    long shortcuts = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64;
    assertEquals(269_722 + shortcuts, model.parameters().count());
    List<String> names = List.copyOf(model.state().keySet());
    for (String name :
        List.of(
            "conv1.weight",
            "bn1.weight",
            "bn1.running_mean",
            "layer1.0.conv1.weight",
            "layer1.2.bn2.bias",
            "layer2.0.downsample.0.weight",
            "layer2.0.downsample.1.running_var",
            "layer3.2.conv2.weight",
            "fc.bias")) {
      assertTrue(names.contains(name), name);
    }
    assertTrue(names.stream().noneMatch(name -> name.startsWith("layer1.0.downsample")));
  }

  @Test
  void both_learn_a_tiny_set_by_heart() {
    for (CnnConfig config :
        List.of(CnnConfig.leNet(1, 12, 3), CnnConfig.resNet(2, 8, 3, 1).withWidth(6))) {
      Cnn model = cnn(config);
      Optimizer adam = AdamW.builder().learningRate(5e-3).build(model.parameters());
      Tensor x = images(9, config);
      Tensor labels = Tensor.of(new int[] {0, 1, 2, 0, 1, 2, 0, 1, 2}, 9);
      double loss = Double.NaN;
      for (int step = 0; step < 60; step++) {
        try (Tape tape = Tape.record()) {
          Tensor y = Losses.crossEntropy(model.forward(x), labels);
          adam.step(tape.gradients(y));
          loss = y.item();
        }
      }
      assertTrue(loss < 0.05, config + " ends at " + loss);
      model.eval();
      assertTrue(Losses.crossEntropy(model.forward(x), labels).item() < 0.5, config.toString());
    }
  }

  @Test
  void a_file_gives_another_network_the_same_scores(@TempDir Path folder) throws IOException {
    CnnConfig config = CnnConfig.resNet(1, 8, 3, 1).withWidth(4);
    Cnn model = cnn(config);
    Tensor x = images(4, config);
    model.forward(x); // moves the running statistics
    model.eval();
    model.save(folder.resolve("cnn.safetensors"));
    Cnn other = Cnn.of(config, CPU, Seed.of(9));
    other.load(folder.resolve("cnn.safetensors"));
    other.eval();
    assertArrayEquals(model.forward(x).toFloats(), other.forward(x).toFloats());
  }

  @Test
  void sizes_that_do_not_fit_are_refused() {
    assertEquals(
        "cnn: size must be 12 or more, which two windows leave one of: 11",
        assertThrows(IllegalArgumentException.class, () -> CnnConfig.leNet(1, 11, 10))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> CnnConfig.resNet(1, 28, 10, 0));
    assertThrows(IllegalArgumentException.class, () -> CnnConfig.leNet(1, 28, 10).withWidth(0));
    CnnConfig config = CnnConfig.leNet(1, 28, 10);
    assertEquals(
        "cnn: the configuration is of another network: LENET; use Cnn.of",
        assertThrows(IllegalArgumentException.class, () -> new ResNet(config, CPU, Seed.of(1)))
            .getMessage());
    assertEquals(
        "cnn: the input must be (batch, 1, 28, 28): (2, 3, 28, 28)",
        assertThrows(
                IllegalArgumentException.class,
                () -> cnn(config).forward(Tensor.ones(2, 3, 28, 28)))
            .getMessage());
  }
}
