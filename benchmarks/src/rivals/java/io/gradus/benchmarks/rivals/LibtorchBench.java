package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Sizes;
import io.gradus.benchmarks.Throughput;
import java.io.IOException;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch's training step, measured like {@code gradus bench}, in the strongest setting found:
 * that of {@link Libtorch}, in-place ReLU and update, gradients dropped and not zeroed, and for
 * transformers what {@link LibtorchModel} and {@link LibtorchAdamW} say.
 */
public final class LibtorchBench {

  public static void main(String[] args) throws IOException {
    Throughput throughput = Throughput.parse(args);
    Libtorch.start(throughput.threads());
    throughput.print(LibtorchBench::step);
    // Unloading two OpenMP runtimes at a normal exit can hang.
    System.exit(0);
  }

  private static Throughput.Step step(String workload) {
    return switch (workload) {
      case "gpt2_b4_t64" -> gpt2(4, 64);
      case "gpt2_b1_t512" -> gpt2(1, 512);
      case "shakespeare_b8_t256" -> gpt(new LibtorchGpt(65, 256, 384, 6, 6, false), 65, 8, 256);
      case "minilm_b16_s128" -> bert(new LibtorchBert(384, 6, 12, 0), 16, 128);
      case "minilm_b16_s128_dropout" -> bert(new LibtorchBert(384, 6, 12, 0.1), 16, 128);
      case "bertbase_b8_s128" -> bert(new LibtorchBert(768, 12, 12, 0), 8, 128);
      default -> mlp(Throughput.mlpBatch(workload));
    };
  }

  private static Throughput.Step gpt2(int batch, int time) {
    return gpt(new LibtorchGpt(50_257, 1024, 768, 12, 12, true), 50_257, batch, time);
  }

  private static Throughput.Step gpt(LibtorchGpt model, int vocabulary, int batch, int time) {
    Tensor tokens = Libtorch.indices(vocabulary, batch, time);
    Tensor targets = Libtorch.indices(vocabulary, batch, time);
    return new Throughput.Step("tokens/s", batch * time, training(model, tokens, targets));
  }

  private static Throughput.Step bert(LibtorchBert model, int batch, int time) {
    Tensor tokens = Libtorch.indices(LibtorchBert.VOCABULARY, batch, time);
    Tensor labels = Libtorch.indices(LibtorchBert.CLASSES, batch);
    return new Throughput.Step("samples/s", batch, training(model, tokens, labels));
  }

  @SuppressWarnings("try") // the scope only has to close
  private static Runnable training(LibtorchModel model, Tensor tokens, Tensor labels) {
    var adamw = new LibtorchAdamW(model.parameters());
    return () -> {
      try (var scope = new PointerScope()) {
        model.loss(tokens, labels).backward();
      }
      adamw.step();
    };
  }

  @SuppressWarnings("try")
  private static Throughput.Step mlp(int batch) {
    Tensor x = torch.randn(batch, Sizes.MLP_IN);
    Tensor labels = Libtorch.indices(Sizes.MLP_OUT, batch);
    Tensor w1 = parameter(Sizes.MLP_IN, Sizes.MLP_HIDDEN, Sizes.MLP_IN);
    Tensor b1 = parameter(Sizes.MLP_IN, Sizes.MLP_HIDDEN);
    Tensor w2 = parameter(Sizes.MLP_HIDDEN, Sizes.MLP_OUT, Sizes.MLP_HIDDEN);
    Tensor b2 = parameter(Sizes.MLP_HIDDEN, Sizes.MLP_OUT);
    Tensor[] parameters = {w1, b1, w2, b2};
    var bias1 = new TensorOptional(b1);
    var bias2 = new TensorOptional(b2);
    var rate = new Scalar(-Sizes.LEARNING_RATE);
    return new Throughput.Step(
        "samples/s",
        batch,
        () -> {
          try (var scope = new PointerScope()) {
            Tensor h = torch.linear(x, w1, bias1).relu_();
            Tensor loss = torch.cross_entropy_loss(torch.linear(h, w2, bias2), labels);
            loss.backward();
            update(parameters, rate);
          }
        });
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
    return Libtorch.uniform(Math.sqrt(1.0 / fanIn), shape);
  }

  private LibtorchBench() {}
}
