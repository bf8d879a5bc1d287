package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.rivals.KernelTimes.Call;
import java.util.List;
import java.util.stream.Stream;

/**
 * The convolutions that {@link CompareKernels} times: those of ResNet-18 on CIFAR-10, and those of
 * small networks on images of 28x28. A call is named {@code conv2d BATCHxINxSIZExOUTxKERNELxSTRIDE
 * forward}, and the kernel is padded by half of it.
 */
record Convolutions(int batch, int in, int size, int out, int kernel, int stride) {

  static final String FORWARD = "conv2d";
  static final String GRAD_INPUT = "conv2dGradInput";
  static final String GRAD_WEIGHT = "conv2dGradWeight";

  private static final List<Convolutions> ALL =
      List.of(
          new Convolutions(32, 3, 32, 64, 3, 1),
          new Convolutions(32, 64, 32, 64, 3, 1),
          new Convolutions(32, 64, 32, 128, 3, 2),
          new Convolutions(32, 128, 16, 128, 3, 1),
          new Convolutions(32, 128, 16, 256, 3, 2),
          new Convolutions(32, 256, 8, 256, 3, 1),
          new Convolutions(32, 256, 8, 512, 3, 2),
          new Convolutions(32, 512, 4, 512, 3, 1),
          new Convolutions(32, 64, 32, 128, 1, 2),
          new Convolutions(32, 128, 16, 256, 1, 2),
          new Convolutions(32, 256, 8, 512, 1, 2),
          new Convolutions(32, 1, 28, 32, 3, 1),
          new Convolutions(32, 32, 28, 64, 3, 1),
          new Convolutions(32, 1, 28, 32, 5, 1),
          new Convolutions(32, 32, 14, 64, 5, 1));

  /** The names of all calls; pixels have no gradient. */
  static Stream<String> names() {
    return Stream.of(FORWARD, GRAD_INPUT, GRAD_WEIGHT)
        .flatMap(
            op -> ALL.stream().filter(c -> c.in > 3 || !op.equals(GRAD_INPUT)).map(c -> c.name(op)));
  }

  static Convolutions of(Call call) {
    int[] s = call.shape();
    return new Convolutions(s[0], s[1], s[2], s[3], s[4], s[5]);
  }

  private String name(String op) {
    return op + " " + batch + "x" + in + "x" + size + "x" + out + "x" + kernel + "x" + stride;
  }

  int padding() {
    return kernel / 2;
  }

  int outSize() {
    return (size + 2 * padding() - kernel) / stride + 1;
  }

  int[] x() {
    return new int[] {batch, in, size, size};
  }

  int[] weight() {
    return new int[] {out, in, kernel, kernel};
  }

  int[] y() {
    return new int[] {batch, out, outSize(), outSize()};
  }
}
