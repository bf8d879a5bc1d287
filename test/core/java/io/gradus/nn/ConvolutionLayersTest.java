package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.op.Convolution;
import io.gradus.op.ConvolutionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class ConvolutionLayersTest {

  private static final ConvolutionOptions HALVES = ConvolutionOptions.stride(2).padding(1);
  private static final Device CPU = Device.cpu();
  private static final Seed SEED = Seed.of(3);

  @Test
  void layers_convolve_with_their_parameters() {
    Tensor x = Init.uniform(Shape.of(2, 4, 5, 6), -1, 1, Seed.of(1), CPU);
    Conv2d conv = new Conv2d(4, 6, 3, 2, HALVES.groups(2), true, CPU, SEED);
    assertEquals(Shape.of(6, 2, 3, 2), conv.weight().shape());
    Tensor y = conv.forward(x);
    assertEquals(Shape.of(2, 6, 3, 4), y.shape());
    assertArrayEquals(
        Convolution.conv2d(x, conv.weight(), conv.bias(), HALVES.groups(2)).toFloats(),
        y.toFloats());

    ConvTranspose2d transposed =
        new ConvTranspose2d(4, 6, 3, HALVES.outputPadding(1).groups(2), false, CPU, SEED);
    assertEquals(Shape.of(4, 3, 3, 3), transposed.weight().shape());
    assertNull(transposed.bias());
    assertEquals(Shape.of(2, 6, 10, 12), transposed.forward(x).shape());

    Conv1d flat = new Conv1d(4, 6, 3, HALVES, true, CPU, SEED);
    assertEquals(Shape.of(6, 4, 3), flat.weight().shape());
    Tensor sequence = Init.uniform(Shape.of(2, 4, 7), -1, 1, Seed.of(1), CPU);
    assertEquals(Shape.of(2, 6, 4), flat.forward(sequence).shape());

    ConvolutionOptions longer = HALVES.outputPadding(1).groups(2);
    ConvTranspose1d back = new ConvTranspose1d(4, 6, 3, longer, true, CPU, SEED);
    assertEquals(Shape.of(4, 3, 3), back.weight().shape());
    Tensor doubled = back.forward(sequence);
    assertEquals(Shape.of(2, 6, 14), doubled.shape());
    assertArrayEquals(
        Convolution.convTranspose1d(sequence, back.weight(), back.bias(), longer).toFloats(),
        doubled.toFloats());
  }

  @Test
  void a_transposed_convolution_of_sequences_spreads_each_element_by_the_kernel() {
    ConvTranspose1d layer =
        new ConvTranspose1d(1, 1, 3, ConvolutionOptions.stride(2), true, CPU, SEED);
    layer.weight().copyFrom(Tensor.of(new float[] {1, 2, 3}, 1, 1, 3));
    layer.bias().fill(0.5);
    Tensor x = Tensor.of(new float[] {10, 20}, 1, 1, 2).requiresGrad(true);
    try (Tape tape = Tape.record()) {
      Tensor y = layer.forward(x);
      assertArrayEquals(new float[] {10.5f, 20.5f, 50.5f, 40.5f, 60.5f}, y.toFloats());
      Tensor dy = Tensor.of(new float[] {1, 10, 100, 1000, 10_000}, 1, 1, 5);
      var gradients = tape.vjp(y, dy, x, layer.weight(), layer.bias());
      assertArrayEquals(new float[] {321, 32_100}, gradients.get(x).toFloats());
      assertArrayEquals(
          new float[] {2010, 20_100, 201_000}, gradients.get(layer.weight()).toFloats());
      assertArrayEquals(new float[] {11_111}, gradients.get(layer.bias()).toFloats());
    }
  }

  @Test
  void a_captured_step_replays_what_convolutions_compute() {
    Conv2d conv = new Conv2d(3, 5, 3, HALVES, true, CPU, SEED);
    ConvTranspose2d back = new ConvTranspose2d(5, 3, 3, HALVES.outputPadding(1), true, CPU, SEED);
    UnaryOperator<Tensor> gradient =
        x -> {
          try (Tape tape = Tape.record()) {
            Tensor y = back.forward(conv.forward(x));
            return tape.keep(tape.vjp(y, y, conv.weight()).get(conv.weight()));
          }
        };
    Tensor first = Init.uniform(Shape.of(2, 3, 8, 8), -1, 1, Seed.of(1), CPU);
    Tensor second = Init.uniform(Shape.of(2, 3, 8, 8), -1, 1, Seed.of(2), CPU);
    try (Graph graph = Graph.capture(x -> gradient.apply(x[0]), first)) {
      for (Tensor x : List.of(second, first)) {
        assertArrayEquals(gradient.apply(x).toFloats(), graph.replay(x).toFloats());
      }
    }
  }

  @Test
  void parameters_have_the_names_of_pytorch_and_begin_within_its_bounds() {
    // The fan in of a transposed convolution counts the weight's second axis, as in PyTorch.
    check(new Conv2d(16, 64, 5, CPU, SEED), 16 * 25);
    check(new Conv1d(64, 200, 4, CPU, SEED), 64 * 4);
    check(new ConvTranspose2d(64, 16, 5, CPU, SEED), 16 * 25);
    check(new ConvTranspose1d(64, 200, 4, CPU, SEED), 200 * 4);
    check(new Conv2d(64, 64, 3, ConvolutionOptions.defaults().groups(4), true, CPU, SEED), 16 * 9);
  }

  private static void check(Module layer, int fanIn) {
    assertEquals(List.of("weight", "bias"), List.copyOf(layer.parameters().asMap().keySet()));
    double bound = 1 / Math.sqrt(fanIn);
    for (Tensor parameter : layer.parameters().tensors()) {
      float[] values = parameter.toFloats();
      Arrays.sort(values);
      assertTrue(values[0] >= -bound && values[0] < -0.7 * bound, () -> "least " + values[0]);
      float largest = values[values.length - 1];
      assertTrue(largest <= bound && largest > 0.7 * bound, () -> "largest " + largest);
    }
  }

  @Test
  void the_seed_decides_how_they_begin() {
    float[] one = new Conv2d(2, 3, 3, CPU, Seed.of(1)).weight().toFloats();
    assertArrayEquals(one, new Conv2d(2, 3, 3, CPU, Seed.of(1)).weight().toFloats());
    assertFalse(Arrays.equals(one, new Conv2d(2, 3, 3, CPU, Seed.of(2)).weight().toFloats()));
  }

  @Test
  void layers_say_how_they_were_made() {
    assertEquals(
        "Conv2d(in=3, out=64, kernel=7x7, stride=2x2, padding=1x1, bias=false)",
        new Conv2d(3, 64, 7, HALVES, false, CPU, SEED).toString());
    assertEquals(
        "Conv1d(in=4, out=6, kernel=3, dilation=2, groups=2)",
        new Conv1d(4, 6, 3, ConvolutionOptions.defaults().dilation(2).groups(2), true, CPU, SEED)
            .toString());
    assertEquals(
        "ConvTranspose2d(in=3, out=2, kernel=2x3, stride=2x2, padding=1x1, outputPadding=1x0)",
        new ConvTranspose2d(3, 2, 2, 3, HALVES.outputPadding(1, 0), true, CPU, SEED).toString());
    assertEquals(
        "ConvTranspose1d(in=4, out=6, kernel=5, stride=2, padding=1, outputPadding=1, bias=false)",
        new ConvTranspose1d(4, 6, 5, HALVES.outputPadding(1), false, CPU, SEED).toString());
  }

  @Test
  void sizes_that_make_no_layer_are_refused() {
    assertRefused(
        "conv2d: sizes must be positive and groups divide them: 3 in, 4 out, 2 groups",
        () -> new Conv2d(3, 4, 3, ConvolutionOptions.defaults().groups(2), true, CPU, SEED));
    assertRefused(
        "convTranspose2d: sizes must be positive and groups divide them: 0 in, 4 out, 1 groups",
        () -> new ConvTranspose2d(0, 4, 3, CPU, SEED));
    assertRefused(
        "conv1d: a kernel's sizes must be positive: 0", () -> new Conv1d(3, 4, 0, CPU, SEED));
    assertRefused(
        "convTranspose1d: a kernel's sizes must be positive: -1",
        () -> new ConvTranspose1d(3, 4, -1, CPU, SEED));
    assertRefused(
        "convolution: groups must be 1 or more: 0", () -> ConvolutionOptions.defaults().groups(0));
    assertRefused(
        "convolution: padding must be 0 or more: 1 x -1",
        () -> ConvolutionOptions.defaults().padding(1, -1));
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }
}
