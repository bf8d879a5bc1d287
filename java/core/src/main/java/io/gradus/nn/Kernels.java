package io.gradus.nn;

import io.gradus.op.ConvolutionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.Collectors;

/** What the layers of convolutions have in common: weight, bias (or null) and their sizes. */
record Kernels(Sizes sizes, ConvolutionOptions options, Tensor weight, Tensor bias) {

  /** The sizes of a layer's parameters. */
  record Sizes(String op, long in, long out, int groups, boolean transposed, int[] kernel) {

    Sizes(String op, long in, long out, int groups, int... kernel) {
      this(op, in, out, groups, op.startsWith("convT"), kernel);
      if (in < 1 || out < 1 || in % groups != 0 || out % groups != 0) {
        throw new IllegalArgumentException(
            op
                + ": sizes must be positive and groups divide them: "
                + in
                + " in, "
                + out
                + " out, "
                + groups
                + " groups");
      }
      for (int size : kernel) {
        if (size < 1) {
          throw new IllegalArgumentException(
              op + ": a kernel's sizes must be positive: " + text(kernel));
        }
      }
    }

    /** {@code (out, in / groups, …)}; transposed, {@code (in, out / groups, …)}. */
    private Shape shape() {
      long[] dims = new long[2 + kernel.length];
      dims[0] = transposed ? in : out;
      dims[1] = (transposed ? out : in) / groups;
      for (int axis = 0; axis < kernel.length; axis++) {
        dims[2 + axis] = kernel[axis];
      }
      return Shape.of(dims);
    }

    Tensor weight(Seed seed, Device device) {
      // ±1 / √fanIn in the words of PyTorch's reset_parameters
      return Init.kaimingUniform(shape(), Math.sqrt(5), seed.split(0), device);
    }

    Tensor bias(Seed seed, Device device) {
      Shape weight = shape();
      double bound = 1 / Math.sqrt((double) weight.size(1, weight.rank()));
      return Init.uniform(Shape.of(out), -bound, bound, seed.split(1), device);
    }
  }

  /** For example {@code in=3, out=64, kernel=3x3, stride=2x2, padding=1x1}. */
  String settings() {
    boolean flat = sizes.kernel.length == 1;
    StringBuilder text = new StringBuilder("in=" + sizes.in + ", out=" + sizes.out);
    text.append(", kernel=").append(text(sizes.kernel));
    append(text, "stride", flat, options.strideHeight(), options.strideWidth(), 1);
    append(text, "padding", flat, options.paddingHeight(), options.paddingWidth(), 0);
    append(text, "dilation", flat, options.dilationHeight(), options.dilationWidth(), 1);
    append(
        text,
        "outputPadding",
        flat,
        options.outputPaddingHeight(),
        options.outputPaddingWidth(),
        0);
    if (sizes.groups > 1) {
      text.append(", groups=").append(sizes.groups);
    }
    return text.append(bias == null ? ", bias=false" : "").toString();
  }

  private static void append(
      StringBuilder text, String name, boolean flat, int height, int width, int usual) {
    if (width != usual || !flat && height != usual) {
      text.append(", ").append(name).append('=');
      text.append(flat ? text(width) : text(height, width));
    }
  }

  private static String text(int... sizes) {
    return Arrays.stream(sizes).mapToObj(Integer::toString).collect(Collectors.joining("x"));
  }
}
