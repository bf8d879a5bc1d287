package io.gradus.nn;

import io.gradus.op.ConvolutionOptions;
import io.gradus.op.PerAxis;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** What the layers of convolutions share: parameters, how these begin, and how the op is called. */
abstract sealed class ConvolutionLayer extends Module
    permits Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d {

  /** An op of {@link io.gradus.op.Convolution}. */
  @FunctionalInterface
  interface Op {
    Tensor apply(Tensor x, Tensor weight, Tensor bias, ConvolutionOptions options);
  }

  private final Op op;
  private final long in;
  private final long out;
  private final int[] kernel;
  private final ConvolutionOptions options;
  private final Tensor weight;
  private final Tensor bias;

  ConvolutionLayer(
      String name,
      Op op,
      long in,
      long out,
      int[] kernel,
      ConvolutionOptions options,
      boolean bias,
      Device device,
      Seed seed) {
    check(name, in, out, kernel, options.groups());
    this.op = op;
    this.in = in;
    this.out = out;
    this.kernel = kernel;
    this.options = options;
    boolean transposed = name.startsWith("convTranspose");
    LongStream channels =
        transposed
            ? LongStream.of(in, out / options.groups())
            : LongStream.of(out, in / options.groups());
    Shape shape =
        Shape.of(LongStream.concat(channels, Arrays.stream(kernel).asLongStream()).toArray());
    double bound = 1 / Math.sqrt((double) shape.size(1, shape.rank()));
    // ±1 / √fanIn in the words of PyTorch's reset_parameters
    weight =
        parameter("weight", () -> Init.kaimingUniform(shape, Math.sqrt(5), seed.split(0), device));
    this.bias =
        bias
            ? parameter(
                "bias", () -> Init.uniform(Shape.of(out), -bound, bound, seed.split(1), device))
            : null;
  }

  private static void check(String name, long in, long out, int[] kernel, int groups) {
    if (in < 1 || out < 1 || in % groups != 0 || out % groups != 0) {
      throw new IllegalArgumentException(
          name
              + ": sizes must be positive and groups divide them: "
              + in
              + " in, "
              + out
              + " out, "
              + groups
              + " groups");
    }
    if (Arrays.stream(kernel).anyMatch(size -> size < 1)) {
      throw new IllegalArgumentException(
          name + ": a kernel's sizes must be positive: " + text(kernel));
    }
  }

  @Override
  public final Tensor forward(Tensor x) {
    return op.apply(x, weight, bias, options);
  }

  /**
   * The weight, {@code (out, in / groups, …)}; of a transposed one {@code (in, out / groups, …)}.
   */
  public final Tensor weight() {
    return weight;
  }

  /** The bias, {@code (out)}; null where there is none. */
  public final Tensor bias() {
    return bias;
  }

  /** For example {@code in=3, out=64, kernel=3x3, stride=2x2, padding=1x1}. */
  @Override
  protected final String settings() {
    return "in="
        + in
        + ", out="
        + out
        + ", kernel="
        + text(kernel)
        + text("stride", options.stride(), 1)
        + text("padding", options.padding(), 0)
        + text("dilation", options.dilation(), 1)
        + text("outputPadding", options.outputPadding(), 0)
        + (options.groups() > 1 ? ", groups=" + options.groups() : "")
        + (bias == null ? ", bias=false" : "");
  }

  private String text(String name, PerAxis numbers, int usual) {
    int[] own =
        kernel.length == 1
            ? new int[] {numbers.width()}
            : new int[] {numbers.height(), numbers.width()};
    boolean all = Arrays.stream(own).allMatch(number -> number == usual);
    return all ? "" : ", " + name + "=" + text(own);
  }

  private static String text(int[] sizes) {
    return Arrays.stream(sizes).mapToObj(Integer::toString).collect(Collectors.joining("x"));
  }
}
