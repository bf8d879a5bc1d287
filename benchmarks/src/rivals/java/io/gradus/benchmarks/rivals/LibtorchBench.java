package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Sizes;
import io.gradus.benchmarks.Throughput;
import java.io.IOException;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch's training step, measured like {@code gradus bench}, in the strongest setting found: MKL
 * instead of the OpenBLAS of the jar, in-place ReLU and update, gradients dropped and not zeroed,
 * and without JavaCPP's memory accounting, which reads /proc on every allocation.
 */
public final class LibtorchBench {

  public static void main(String[] args) throws IOException {
    System.setProperty("org.bytedeco.openblas.load", "mkl");
    System.setProperty("org.bytedeco.javacpp.nopointergc", "true");
    System.setProperty("org.bytedeco.javacpp.maxBytes", "0");
    System.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "0");

    Throughput throughput = Throughput.parse(args);
    torch.set_num_threads(throughput.threads());
    torch.manual_seed(42);
    throughput.print(LibtorchBench::step);
    // Unloading two OpenMP runtimes at a normal exit can hang.
    System.exit(0);
  }

  private static Runnable step(int batch) {
    Tensor x = torch.randn(batch, Sizes.MLP_IN);
    Tensor labels = torch.randint(Sizes.MLP_OUT, new long[] {batch}).to(torch.ScalarType.Long);
    Tensor w1 = parameter(Sizes.MLP_IN, Sizes.MLP_HIDDEN, Sizes.MLP_IN);
    Tensor b1 = parameter(Sizes.MLP_IN, Sizes.MLP_HIDDEN);
    Tensor w2 = parameter(Sizes.MLP_HIDDEN, Sizes.MLP_OUT, Sizes.MLP_HIDDEN);
    Tensor b2 = parameter(Sizes.MLP_HIDDEN, Sizes.MLP_OUT);
    Tensor[] parameters = {w1, b1, w2, b2};
    var bias1 = new TensorOptional(b1);
    var bias2 = new TensorOptional(b2);
    var rate = new Scalar(-Sizes.LEARNING_RATE);
    return () -> {
      try (var scope = new PointerScope()) {
        Tensor h = torch.linear(x, w1, bias1).relu_();
        Tensor loss = torch.cross_entropy_loss(torch.linear(h, w2, bias2), labels);
        loss.backward();
        update(parameters, rate);
      }
    };
  }

  private static void update(Tensor[] parameters, Scalar rate) {
    try (var noGrad = new NoGradGuard()) {
      for (Tensor parameter : parameters) {
        parameter.add_(parameter.grad(), rate);
        parameter.mutable_grad().reset();
      }
    }
  }

  private static Tensor parameter(int fanIn, long... shape) {
    double bound = Math.sqrt(1.0 / fanIn);
    Tensor parameter = torch.empty(shape).uniform_(-bound, bound, new GeneratorOptional());
    parameter.set_requires_grad(true);
    return parameter;
  }

  private LibtorchBench() {}
}
