package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.op.Activations;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class LayersTest {

  @Test
  void linear_is_a_product_and_a_sum() {
    Linear linear = new Linear(2, 3, Device.cpu(), Seed.of(1));
    linear.weight().copyFrom(Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 3, 2));
    linear.bias().copyFrom(Tensor.of(new float[] {100, 200, 300}));
    Tensor x = Tensor.of(new float[] {1, 1, 2, -1}, 2, 1, 2);
    Tensor y = linear.forward(x);
    assertEquals(Shape.of(2, 1, 3), y.shape());
    assertArrayEquals(new float[] {103, 207, 311, 100, 202, 304}, y.toFloats());
  }

  @Test
  void linear_gives_a_range_of_its_outputs() {
    Tensor x = Tensor.of(new float[] {1, 1, 2, -1}, 2, 1, 2);
    for (boolean bias : new boolean[] {true, false}) {
      Linear linear = new Linear(2, 3, bias, Device.cpu(), Seed.of(1));
      float[] all = linear.forward(x).toFloats();
      Tensor some = linear.forward(x, 1, 3);
      assertEquals(Shape.of(2, 1, 2), some.shape());
      assertArrayEquals(new float[] {all[1], all[2], all[4], all[5]}, some.toFloats(), 1e-6f);
    }
    Linear linear = new Linear(2, 3, Device.cpu(), Seed.of(1));
    assertThrows(IllegalArgumentException.class, () -> linear.forward(x, 1, 4));
  }

  @Test
  void linear_without_bias_has_one_parameter() {
    Linear linear = new Linear(2, 1, false, Device.cpu(), Seed.of(1));
    assertNull(linear.bias());
    assertEquals(2, linear.parameters().count());
    linear.weight().copyFrom(Tensor.of(new float[] {3, 4}, 1, 2));
    assertArrayEquals(new float[] {11}, linear.forward(Tensor.of(new float[] {1, 2})).toFloats());
  }

  @Test
  void linear_begins_within_pytorchs_bounds() {
    Linear linear = new Linear(16, 1000, Device.cpu(), Seed.of(1));
    for (Tensor parameter : linear.parameters().tensors()) {
      float[] values = parameter.toFloats();
      Arrays.sort(values);
      assertTrue(values[0] >= -0.25f && values[0] < -0.24f, () -> "least " + values[0]);
      float largest = values[values.length - 1];
      assertTrue(largest <= 0.25f && largest > 0.24f, () -> "largest " + largest);
    }
    assertFalse(
        Arrays.equals(Arrays.copyOf(linear.weight().toFloats(), 1000), linear.bias().toFloats()));
  }

  @Test
  void linear_needs_positive_sizes() {
    var error =
        assertThrows(
            IllegalArgumentException.class, () -> new Linear(0, 3, Device.cpu(), Seed.of(1)));
    assertEquals("linear: sizes must be positive: 0 in, 3 out", error.getMessage());
  }

  @Test
  void activation_layers_compute_their_ops() {
    Map<Activation, UnaryOperator<Tensor>> ops =
        Map.of(
            Activation.RELU, Activations::relu,
            Activation.GELU, Activations::gelu,
            Activation.SILU, Activations::silu,
            Activation.SIGMOID, Activations::sigmoid,
            Activation.TANH, Activations::tanh,
            Activation.LEAKY_RELU, x -> Activations.leakyRelu(x, 0.01),
            Activation.ELU, x -> Activations.elu(x, 1),
            Activation.SOFTPLUS, Activations::softplus);
    Tensor x = Tensor.of(new float[] {-2, -0.5f, 0, 0.5f, 2}, 5);
    for (Activation activation : Activation.values()) {
      Module layer = activation.layer();
      assertArrayEquals(
          ops.get(activation).apply(x).toFloats(), layer.forward(x).toFloats(), layer.toString());
      assertEquals(0, layer.parameters().count());
    }
  }

  @Test
  void sequential_applies_its_layers_in_order() {
    Linear twice = new Linear(1, 1, false, Device.cpu(), Seed.of(1));
    twice.weight().fill(-2);
    Tensor x = Tensor.of(new float[] {3}, 1);
    assertArrayEquals(new float[] {0}, new Sequential(twice, new Relu()).forward(x).toFloats());
    assertArrayEquals(new float[] {-6}, new Sequential(new Relu(), twice).forward(x).toFloats());
    assertArrayEquals(new float[] {3}, new Sequential().forward(x).toFloats());
  }

  @Test
  void dropout_drops_another_part_at_each_training_call() {
    Dropout dropout = new Dropout(0.25, Seed.of(1));
    Tensor x = Tensor.ones(10_000);
    float[] first = dropout.forward(x).toFloats();
    float[] second = dropout.forward(x).toFloats();
    assertFalse(Arrays.equals(first, second));
    int kept = 0;
    for (float value : first) {
      assertTrue(value == 0 || value == 1 / 0.75f, () -> "neither 0 nor 4/3: " + value);
      kept += value == 0 ? 0 : 1;
    }
    // 7,500 expected; 43 is one standard deviation.
    assertEquals(7_500, kept, 5 * 43);
    assertArrayEquals(first, new Dropout(0.25, Seed.of(1)).forward(x).toFloats());
  }

  @Test
  void dropout_passes_everything_on_in_evaluation() {
    Dropout dropout = new Dropout(0.9, Seed.of(1));
    dropout.eval();
    Tensor x = Tensor.of(new float[] {1, 2, 3});
    assertArrayEquals(x.toFloats(), dropout.forward(x).toFloats());
    dropout.train();
    float[] first = new Dropout(0.9, Seed.of(1)).forward(Tensor.ones(100)).toFloats();
    // A call in evaluation does not count: the masks of training stay the same.
    assertArrayEquals(first, dropout.forward(Tensor.ones(100)).toFloats());
  }

  @Test
  void dropout_takes_a_probability() {
    for (double p : new double[] {-0.1, 1.1, Double.NaN}) {
      var error = assertThrows(IllegalArgumentException.class, () -> new Dropout(p, Seed.of(1)));
      assertEquals("dropout: the probability must lie in [0, 1]: " + p, error.getMessage());
    }
    Tensor x = Tensor.ones(100);
    assertArrayEquals(new float[100], new Dropout(1, Seed.of(1)).forward(x).toFloats());
    assertArrayEquals(x.toFloats(), new Dropout(0, Seed.of(1)).forward(x).toFloats());
  }
}
