package io.gradus.benchmarks.rivals;

import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch in the strongest setting found: MKL instead of the OpenBLAS of the jar, and without
 * JavaCPP's memory accounting, which reads /proc on every allocation.
 */
final class Libtorch {

  /** To be called before anything else of libtorch is: it decides what is loaded. */
  static void start(int threads) {
    System.setProperty("org.bytedeco.openblas.load", "mkl");
    System.setProperty("org.bytedeco.javacpp.nopointergc", "true");
    System.setProperty("org.bytedeco.javacpp.maxBytes", "0");
    System.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "0");
    torch.set_num_threads(threads);
    torch.manual_seed(42);
  }

  /** Uniform in (-bound, bound), to be trained. */
  static Tensor uniform(double bound, long... shape) {
    return trained(torch.empty(shape).uniform_(-bound, bound, new GeneratorOptional()));
  }

  /** Normal around 0, to be trained. */
  static Tensor normal(double deviation, long... shape) {
    return trained(torch.empty(shape).normal_(0, deviation, new GeneratorOptional()));
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
