package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.data.SafeTensors;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Convolutions beside the same ones in PyTorch; golden/convolution.py made the file. */
class GoldenConvolutionTest {

  @FunctionalInterface
  private interface Op {
    Tensor apply(Tensor x, Tensor weight, Tensor bias, ConvolutionOptions options);
  }

  private record Case(Op op, ConvolutionOptions options) {}

  private static final ConvolutionOptions PLAIN = ConvolutionOptions.defaults();

  private static final Map<String, Case> CASES =
      Map.of(
          "plain",
          new Case(Convolution::conv2d, PLAIN),
          "uneven",
          new Case(Convolution::conv2d, PLAIN.strides(2, 3).padding(1, 2).dilation(2, 1).groups(2)),
          "depthwise",
          new Case(Convolution::conv2d, ConvolutionOptions.stride(2).padding(1).groups(5)),
          "shortcut",
          new Case(Convolution::conv2d, ConvolutionOptions.stride(2)),
          "deep",
          new Case(Convolution::conv2d, PLAIN.padding(1)),
          "sequence",
          new Case(
              Convolution::conv1d, ConvolutionOptions.stride(2).padding(3).dilation(2).groups(2)),
          "transposed",
          new Case(
              Convolution::convTranspose2d,
              PLAIN.strides(2, 3).padding(1, 0).outputPadding(1, 2).groups(2)),
          "transposedDilated",
          new Case(
              Convolution::convTranspose2d,
              ConvolutionOptions.stride(2).padding(1).outputPadding(1).dilation(3, 2)),
          "transposedSequence",
          new Case(
              Convolution::convTranspose1d,
              ConvolutionOptions.stride(3).padding(2).outputPadding(1)));

  @TestFactory
  Stream<DynamicTest> values_and_gradients_are_those_of_pytorch() {
    return CASES.keySet().stream()
        .sorted()
        .map(name -> DynamicTest.dynamicTest(name, () -> check(name)));
  }

  private static void check(String name) throws Exception {
    Path file =
        Path.of(GoldenConvolutionTest.class.getResource("/golden/convolution.safetensors").toURI());
    try (SafeTensors golden = SafeTensors.read(file);
        Tape tape = Tape.record()) {
      Tensor x = golden.tensor(name + ".x");
      Tensor weight = golden.tensor(name + ".weight");
      Tensor bias = golden.tensor(name + ".bias");
      Case c = CASES.get(name);
      Tensor y = c.op.apply(x, weight, bias, c.options);
      assertClose(golden, name + ".y", y);
      Gradients gradients = tape.vjp(y, golden.tensor(name + ".dy"), x, weight, bias);
      assertClose(golden, name + ".dx", gradients.get(x));
      assertClose(golden, name + ".dweight", gradients.get(weight));
      assertClose(golden, name + ".dbias", gradients.get(bias));
    }
  }

  private static void assertClose(SafeTensors golden, String name, Tensor actual)
      throws IOException {
    assertEquals(golden.shape(name), actual.shape(), name);
    // Both round sums of hundreds of products, up to 60 in size.
    assertArrayEquals(golden.tensor(name).toFloats(), actual.toFloats(), 1e-4f, name);
  }
}
