package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Sizes;
import io.gradus.benchmarks.Start;
import io.gradus.benchmarks.Throughput;
import io.gradus.benchmarks.Throughput.Step;
import java.util.function.Supplier;
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

  public static void main(String[] args) {
    Throughput throughput = Throughput.parse(args);
    Libtorch.start(throughput.threads());
    double dropout = throughput.checks() ? 0 : 0.1;
    throughput.print((workload, start) -> step(workload, start, dropout));
    // Unloading two OpenMP runtimes at a normal exit can hang.
    System.exit(0);
  }

  private static Step step(String workload, Start start, double dropout) {
    return switch (workload) {
      case "gpt2_b4_t64", "gpt2_b1_t512" -> gpt(new LibtorchGpt(start, 12, 12, true), start);
      case "shakespeare_b8_t256" -> gpt(new LibtorchGpt(start, 6, 6, false), start);
      case "minilm_b16_s128" -> bert(new LibtorchBert(start, 6, 12, 0), start);
      case "minilm_b16_s128_dropout" -> bert(new LibtorchBert(start, 6, 12, dropout), start);
      case "bertbase_b8_s128" -> bert(new LibtorchBert(start, 12, 12, 0), start);
      default -> mlp(Throughput.mlpBatch(workload), start);
    };
  }

  private static Step gpt(LibtorchModel model, Start start) {
    Tensor tokens = Libtorch.integers(start, "inputs");
    return training("tokens/s", (int) tokens.numel(), model, tokens, start);
  }

  private static Step bert(LibtorchModel model, Start start) {
    Tensor tokens = Libtorch.integers(start, "inputs");
    return training("samples/s", (int) tokens.size(0), model, tokens, start);
  }

  @SuppressWarnings("try") // the scope only has to close
  private static Step training(
      String metric, int amount, LibtorchModel model, Tensor tokens, Start start) {
    Tensor labels = Libtorch.integers(start, "targets");
    var adamw = new LibtorchAdamW(model.parameters());
    return new Step(
        metric,
        amount,
        () -> {
          try (var scope = new PointerScope()) {
            model.loss(tokens, labels).backward();
          }
          adamw.step();
        },
        () -> value(() -> model.loss(tokens, labels)));
  }

  @SuppressWarnings("try")
  private static Step mlp(int batch, Start start) {
    Tensor x = Libtorch.parameter(start, "inputs").set_requires_grad(false);
    Tensor labels = Libtorch.integers(start, "targets");
    Tensor w1 = Libtorch.parameter(start, "0.weight");
    Tensor b1 = Libtorch.parameter(start, "0.bias");
    Tensor w2 = Libtorch.parameter(start, "2.weight");
    Tensor b2 = Libtorch.parameter(start, "2.bias");
    Tensor[] parameters = {w1, b1, w2, b2};
    var bias1 = new TensorOptional(b1);
    var bias2 = new TensorOptional(b2);
    var rate = new Scalar(-Sizes.LEARNING_RATE);
    Supplier<Tensor> loss =
        () -> {
          Tensor h = torch.linear(x, w1, bias1).relu_();
          return torch.cross_entropy_loss(torch.linear(h, w2, bias2), labels);
        };
    return new Step(
        "samples/s",
        batch,
        () -> {
          try (var scope = new PointerScope()) {
            loss.get().backward();
            update(parameters, rate);
          }
        },
        () -> value(loss));
  }

  @SuppressWarnings("try")
  private static void update(Tensor[] parameters, Scalar rate) {
    try (var noGrad = new NoGradGuard()) {
      for (Tensor parameter : parameters) {
        parameter.add_(parameter.grad(), rate);
        parameter.mutable_grad().reset();
      }
    }
  }

  @SuppressWarnings("try")
  private static double value(Supplier<Tensor> loss) {
    try (var scope = new PointerScope();
        var noGrad = new NoGradGuard()) {
      return loss.get().item_float();
    }
  }

  private LibtorchBench() {}
}
