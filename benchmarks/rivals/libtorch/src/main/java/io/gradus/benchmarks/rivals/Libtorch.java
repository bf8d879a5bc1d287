package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Start;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch in the strongest setting found: MKL instead of the OpenBLAS of the jar, and without
 * JavaCPP's memory accounting, which reads /proc on every allocation. {@code
 * -Dgradus.benchmarks.blas=openblas} leaves the jar's own OpenBLAS in its place, as it is shipped.
 */
final class Libtorch {

  /** To be called before anything else of libtorch is: it decides what is loaded. */
  static void start(int threads) {
    String blas = System.getProperty("gradus.benchmarks.blas", "mkl");
    System.setProperty("org.bytedeco.openblas.load", blas);
    System.setProperty("org.bytedeco.javacpp.nopointergc", "true");
    System.setProperty("org.bytedeco.javacpp.maxBytes", "0");
    System.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "0");
    torch.set_num_threads(threads);
    torch.manual_seed(42);
  }

  /** A parameter by the name that it has in Gradus. */
  @SuppressWarnings("try") // the guard only has to close
  static Tensor parameter(Start start, String name) {
    try (var noGrad = new NoGradGuard()) {
      Tensor parameter = torch.empty(start.shape(name));
      start.read(name, parameter.data_ptr_float().capacity(parameter.numel()).asByteBuffer());
      return trained(parameter);
    }
  }

  /** Tokens or labels. */
  static Tensor integers(Start start, String name) {
    Tensor integers = Tensor.create(start.integers(name), start.shape(name));
    return integers.to(torch.ScalarType.Long);
  }

  /** Uniform in (-bound, bound), to be trained. */
  static Tensor uniform(double bound, long... shape) {
    return trained(torch.empty(shape).uniform_(-bound, bound, new GeneratorOptional()));
  }

  static Tensor trained(Tensor parameter) {
    parameter.set_requires_grad(true);
    return parameter;
  }

  /** Integers in [0, end). */
  static Tensor indices(long end, long... shape) {
    return torch.randint(end, shape).to(torch.ScalarType.Long);
  }

  private Libtorch() {}
}
