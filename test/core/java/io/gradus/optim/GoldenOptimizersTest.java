package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.gradus.data.SafeTensors;
import io.gradus.nn.Parameters;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds twenty steps against those of PyTorch, which golden/optimizers.py recorded. */
class GoldenOptimizersTest {

  static SafeTensors golden() throws IOException, URISyntaxException {
    return SafeTensors.read(
        Path.of(GoldenOptimizersTest.class.getResource("/golden/optimizers.safetensors").toURI()));
  }

  /** What a tensor that holds a value for each of so many steps has of one. */
  static Tensor at(Tensor all, long step, Shape shape) {
    return all.view(shape, step * shape.size());
  }

  static Stream<Variant> variants() {
    return Variant.ofPyTorch();
  }

  @ParameterizedTest
  @MethodSource("variants")
  void twenty_steps_are_those_of_pytorch(Variant variant) throws Exception {
    try (SafeTensors golden = golden()) {
      Map<String, Tensor> parameters = new TreeMap<>();
      for (String name : List.of("bias", "weight")) {
        parameters.put(name, golden.tensor("initial." + name).requiresGrad(true));
      }
      Optimizer.Builder<?> settings = variant.settings().get();
      if (variant.name().equals("adam_plain")) {
        settings.group("bias"::equals, 0.5, 0);
      } else {
        settings.weightDecay(0.1).group("bias"::equals, 0.5, 0.03);
      }
      Optimizer optimizer = settings.build(Parameters.of(parameters));
      for (int step = 0; step < 20; step++) {
        float[][] gradients = new float[2][];
        int i = 0;
        for (var parameter : parameters.entrySet()) {
          Tensor all = golden.tensor("gradients." + parameter.getKey());
          gradients[i++] = at(all, step, parameter.getValue().shape()).toFloats();
        }
        Step.step(optimizer, List.copyOf(parameters.values()), List.of(gradients));
        for (var parameter : parameters.entrySet()) {
          Tensor all = golden.tensor(variant.name() + "." + parameter.getKey());
          float[] expected = at(all, step, parameter.getValue().shape()).toFloats();
          check(variant + " step " + step, expected, parameter.getValue().toFloats());
        }
      }
      assertEquals(20, optimizer.steps());
    }
  }

  /**
   * Within 1e-6 of values below 1, and of larger ones in proportion: they are F32 in PyTorch too.
   */
  static void check(String what, float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], 1e-6 * Math.max(1, Math.abs(expected[i])), what);
    }
  }
}
