package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;
import org.junit.jupiter.api.Test;

class PerceptronTest {

  private static final Tensor POINTS = Tensor.of(new float[][] {{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  private static final Tensor AND_OR = Tensor.of(new float[][] {{0, 0}, {0, 1}, {0, 1}, {1, 1}});
  private static final Tensor XOR = Tensor.of(new float[][] {{0}, {1}, {1}, {0}});

  @Test
  void a_mistake_moves_the_weights_by_the_example_and_a_right_answer_does_not() {
    Perceptron perceptron = new Perceptron(2, 1, Device.cpu());
    Tensor inputs = Tensor.of(new float[][] {{2, -1}, {1, 1}, {3, 4}});
    Tensor targets = Tensor.of(new float[][] {{1}, {1}, {0}});
    // 0 is no answer of 1: w = (1, -0.5), b = 0.5; then 1 - 0.5 + 0.5 is one; then 1.5 is one too.
    assertEquals(2, perceptron.learn(inputs, targets, 0.5));
    assertArrayEquals(new float[] {-0.5f, -2.5f}, perceptron.parameters().get("weight").toFloats());
    assertArrayEquals(new float[] {0}, perceptron.parameters().get("bias").toFloats());
  }

  @Test
  void what_a_plane_parts_is_learned_without_a_mistake() {
    Perceptron perceptron = new Perceptron(2, 2, Device.cpu());
    int epochs = 1;
    while (perceptron.learn(POINTS, AND_OR, 1) > 0) {
      epochs++;
      assertTrue(epochs < 20);
    }
    assertArrayEquals(AND_OR.toFloats(), perceptron.forward(POINTS).toFloats());
  }

  @Test
  void exclusive_or_is_never_learned() {
    Perceptron perceptron = new Perceptron(2, 1, Device.cpu());
    for (int i = 0; i < 100; i++) {
      assertTrue(perceptron.learn(POINTS, XOR, 1) > 0);
    }
  }

  @Test
  void the_rate_changes_no_answer() {
    Perceptron slow = new Perceptron(2, 2, Device.cpu());
    Perceptron fast = new Perceptron(2, 2, Device.cpu());
    for (int i = 0; i < 3; i++) {
      assertEquals(slow.learn(POINTS, AND_OR, 0.25), fast.learn(POINTS, AND_OR, 4));
    }
  }

  @Test
  void wrong_examples_are_refused_and_teach_nothing() {
    Perceptron perceptron = new Perceptron(2, 1, Device.cpu());
    var shape =
        assertThrows(IllegalArgumentException.class, () -> perceptron.learn(POINTS, AND_OR, 1));
    assertEquals(
        "perceptron: inputs must be (n, 2) and targets (n, 1): (4, 2) and (4, 2)",
        shape.getMessage());
    Tensor signs = Tensor.of(new float[][] {{1}, {1}, {1}, {-1}});
    var targets =
        assertThrows(IllegalArgumentException.class, () -> perceptron.learn(POINTS, signs, 1));
    assertEquals("perceptron: targets must be 0 or 1: element 3 is -1.0", targets.getMessage());
    assertThrows(IllegalArgumentException.class, () -> perceptron.learn(POINTS, XOR, Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> new Perceptron(0, 1, Device.cpu()));
    assertArrayEquals(new float[2], perceptron.parameters().get("weight").toFloats());
  }
}
