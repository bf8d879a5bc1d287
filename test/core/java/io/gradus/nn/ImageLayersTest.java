package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.op.PoolingOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class ImageLayersTest {

  private static final float[] NINE = {1, 2, 3, 4, 5, 6, 7, 8, 9};

  private static Tensor image() {
    return Tensor.of(NINE, 1, 1, 3, 3);
  }

  private static Tensor sequence() {
    return Tensor.of(NINE, 1, 1, 9);
  }

  @Test
  void pooling_layers_take_windows_or_options() {
    assertArrayEquals(new float[] {5}, new MaxPool2d(2).forward(image()).toFloats());
    assertArrayEquals(new float[] {3}, new AvgPool2d(2).forward(image()).toFloats());
    assertArrayEquals(new float[] {2, 4, 6, 8}, new MaxPool1d(2).forward(sequence()).toFloats());
    PoolingOptions options = PoolingOptions.kernel(2).stride(3).padding(1);
    assertArrayEquals(
        new float[] {0.5f, 3.5f, 6.5f, 4.5f},
        new AvgPool1d(options).forward(sequence()).toFloats());
    assertArrayEquals(
        new float[] {1, 3.5f, 6.5f, 9},
        new AvgPool1d(options.countPadding(false)).forward(sequence()).toFloats());
    assertEquals("MaxPool2d(kernel=2, stride=2)", new MaxPool2d(2).toString());
    assertEquals(
        "AvgPool1d(kernel=2, stride=3, padding=1, countPadding=false)",
        new AvgPool1d(options.countPadding(false)).toString());
    assertEquals(
        "MaxPool2d(kernel=(2, 3), stride=1, dilation=2, ceil)",
        new MaxPool2d(PoolingOptions.kernel(2, 3).stride(1).dilation(2).ceil(true)).toString());
  }

  @Test
  void adaptive_pooling_layers_give_the_size_that_they_were_made_with() {
    assertArrayEquals(new float[] {5}, new AdaptiveAvgPool2d(1, 1).forward(image()).toFloats());
    assertArrayEquals(
        new float[] {4, 5, 6}, new AdaptiveAvgPool2d(1, 3).forward(image()).toFloats());
    assertArrayEquals(new float[] {3, 7}, new AdaptiveAvgPool1d(2).forward(sequence()).toFloats());
  }

  @Test
  void flatten_makes_one_axis_of_several() {
    Tensor x = Tensor.ones(2, 3, 4, 5);
    assertEquals(Shape.of(2, 60), new Flatten().forward(x).shape());
    assertEquals(Shape.of(2, 12, 5), new Flatten(1, 2).forward(x).shape());
    assertEquals(Shape.of(120), new Flatten(0, -1).forward(x).shape());
    assertEquals(Shape.of(0, 60), new Flatten().forward(Tensor.zeros(0, 3, 4, 5)).shape());
    var e = assertThrows(IllegalArgumentException.class, () -> new Flatten(2, 1).forward(x));
    assertEquals("flatten: there are no axes 2 to 1 in (2, 3, 4, 5)", e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new Flatten(1, 4).forward(x));
  }

  @Test
  void identity_gives_its_input() {
    Tensor x = Tensor.ones(2);
    assertSame(x, new Identity().forward(x));
  }

  @Test
  void residual_adds_its_input_or_what_a_shortcut_makes_of_it() {
    Device cpu = Device.cpu();
    Tensor x = Tensor.of(new float[] {-1, 2}, 1, 2);
    assertArrayEquals(new float[] {-1, 4}, new Residual(new Relu()).forward(x).toFloats());
    Linear wide = new Linear(2, 2, cpu, Seed.of(1));
    Residual projected = new Residual(new Identity(), wide);
    float[] line = wide.forward(x).toFloats();
    assertArrayEquals(
        new float[] {line[0] - 1, line[1] + 2}, projected.forward(x).toFloats(), 1e-6f);
    assertEquals(
        List.of("shortcut.weight", "shortcut.bias"),
        List.copyOf(projected.parameters().asMap().keySet()));
    Residual wrong = new Residual(new Linear(2, 3, cpu, Seed.of(1)));
    var e = assertThrows(IllegalArgumentException.class, () -> wrong.forward(x));
    assertEquals(
        "residual: the shortcut gives another shape than the inner module: (1, 2) and (1, 3);"
            + " give it a shortcut that changes the shape",
        e.getMessage());
  }

  @Test
  void group_norm_brings_each_group_of_an_example_to_one_scale() {
    GroupNorm norm = new GroupNorm(2, 4, 0, true, Device.cpu());
    Tensor x = Tensor.of(new float[] {1, 3, 10, 30, 0, 2, 5, 5.5f}, 2, 4);
    assertArrayEquals(new float[] {-1, 1, -1, 1, -1, 1, -1, 1}, norm.forward(x).toFloats(), 1e-5f);
    assertEquals("GroupNorm(groups=2, channels=4, eps=0.0)", norm.toString());
    var e = assertThrows(IllegalArgumentException.class, () -> new GroupNorm(3, 4, Device.cpu()));
    assertEquals("groupNorm: groups must divide the channels: 3 groups of 4", e.getMessage());
  }
}
