package io.gradus.benchmarks.rivals;

import io.gradus.autograd.Tape;
import io.gradus.benchmarks.Sizes;
import io.gradus.benchmarks.rivals.KernelTimes.Call;
import io.gradus.benchmarks.rivals.KernelTimes.Kernel;
import io.gradus.op.Activations;
import io.gradus.op.Attention;
import io.gradus.op.AttentionOptions;
import io.gradus.op.Losses;
import io.gradus.op.Normalization;
import io.gradus.op.Recurrent;
import io.gradus.op.Softmax;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.Supplier;

/** Gradus's side of {@link CompareKernels}. */
public final class GradusKernels {

  public static void main(String[] args) throws IOException {
    KernelTimes.serve(name -> median(Call.parse(name)));
  }

  @SuppressWarnings("try") // the scope frees the operands
  private static double median(Call call) {
    try (var scope = Scope.open()) {
      return KernelTimes.median(kernel(call));
    }
  }

  private static Kernel kernel(Call call) {
    return switch (call.op()) {
      case "attention" -> attention(call);
      case "crossEntropy" -> crossEntropy(call);
      case "layerNorm" -> {
        Tensor x = random(call.shape());
        Tensor weight = random(call.shape()[1]);
        Tensor bias = random(call.shape()[1]);
        yield kernel(call, () -> Normalization.layerNorm(x, weight, bias, 1e-5), x, weight, bias);
      }
      case "gelu" -> {
        Tensor x = random(call.shape());
        yield kernel(call, () -> Activations.gelu(x), x);
      }
      case "softmax" -> {
        Tensor x = random(call.shape());
        yield kernel(call, () -> Softmax.softmax(x), x);
      }
      case "lstm" -> recurrent(call, 4);
      case "gru" -> recurrent(call, 3);
      case "adamw" -> adamw(call);
      case Convolutions.FORWARD, Convolutions.GRAD_INPUT, Convolutions.GRAD_WEIGHT ->
          convolution(call.op(), Convolutions.of(call));
      default -> throw new IllegalArgumentException("kernels: unknown: " + call);
    };
  }

  /** Of packed queries, keys and values, as a model has them. */
  private static Kernel attention(Call call) {
    int heads = call.shape()[1];
    Tensor qkv = random(call.shape()[0], call.shape()[2], 3 * heads * call.shape()[3]);
    return kernel(
        call, () -> Attention.attention(qkv, heads, heads, AttentionOptions.causal()), qkv);
  }

  @SuppressWarnings("try") // scopes and tapes only have to close
  private static Kernel kernel(Call call, Supplier<Tensor> forward, Tensor... inputs) {
    if (!call.backward()) {
      return new Kernel(
          () -> {
            try (var scope = Scope.open()) {
              forward.get();
            }
          });
    }
    try (Tensor y = forward.get()) {
      Tensor dy = random(Arrays.stream(y.shape().toArray()).mapToInt(Math::toIntExact).toArray());
      return new Kernel(
          () -> {
            try (Tape tape = Tape.record()) {
              tape.vjp(forward.get(), dy, inputs);
            }
          });
    }
  }

  /** The kernel alone, with memory for its result. */
  private static Kernel convolution(String op, Convolutions c) {
    Tensor x = random(c.x());
    Tensor w = random(c.weight());
    Tensor y = random(c.y());
    long[] window = {
      c.batch(),
      c.in(),
      c.size(),
      c.size(),
      c.out(),
      c.outSize(),
      c.outSize(),
      c.kernel(),
      c.kernel(),
      c.stride(),
      c.stride(),
      c.padding(),
      c.padding(),
      1,
      1,
      1
    };
    int t = x.typeCode();
    return new Kernel(
        switch (op) {
          case Convolutions.FORWARD ->
              () -> x.backend().conv2d(t, x.address(), t, w.address(), 0, y.address(), window);
          case Convolutions.GRAD_INPUT ->
              () ->
                  x.backend()
                      .conv2dGradInput(
                          t, y.address(), t, w.address(), 0, x.address(), false, window);
          default ->
              () ->
                  x.backend()
                      .conv2dGradWeight(t, x.address(), y.address(), t, w.address(), false, window);
        });
  }

  /** The gradient takes the memory of the logits, as in a model. */
  private static Kernel crossEntropy(Call call) {
    Tensor logits = random(call.shape());
    Tensor labels = Tensor.of(Sizes.labels(call.shape()[0], 1), call.shape()[0]);
    Tensor[] used = new Tensor[1];
    return new Kernel(
        () -> used[0] = logits.copy(),
        () -> {
          try (Tape tape = Tape.record()) {
            tape.gradients(Losses.crossEntropyInPlace(used[0], labels), used[0]);
          }
        });
  }

  /** A layer of so many gates, over (time, batch, input). */
  private static Kernel recurrent(Call call, int gates) {
    int size = call.shape()[3];
    Tensor x = random(Arrays.copyOf(call.shape(), 3));
    Tensor h0 = Tensor.zeros(call.shape()[1], size);
    Tensor wih = weights(gates * size, call.shape()[2]);
    Tensor whh = weights(gates * size, size);
    Tensor bih = weights(gates * size);
    Tensor bhh = weights(gates * size);
    var w = new Recurrent.Weights(wih, whh, bih, bhh);
    return kernel(
        call,
        () ->
            gates == 4
                ? Recurrent.lstm(x, h0, h0, w, null, false).y()
                : Recurrent.gru(x, h0, w, null, false).y(),
        x,
        wih,
        whh,
        bih,
        bhh);
  }

  /** As small as they begin: larger ones saturate the gates. */
  private static Tensor weights(int... shape) {
    int size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
    return Tensor.of(
        Sizes.uniform(size, KernelTimes.WEIGHTS, 1), Arrays.stream(shape).asLongStream().toArray());
  }

  /** The kernel alone, over one flat buffer, as an optimizer calls it. */
  private static Kernel adamw(Call call) {
    Tensor p = Tensor.zeros(call.size());
    Tensor g = Tensor.ones(call.size());
    Tensor m = Tensor.zeros(call.size());
    Tensor v = Tensor.zeros(call.size());
    return new Kernel(
        () ->
            p.backend()
                .adamw(
                    p.address(),
                    g.address(),
                    m.address(),
                    v.address(),
                    p.size(),
                    3e-4,
                    0.9,
                    0.95,
                    1e-8,
                    0.1,
                    1,
                    1,
                    0));
  }

  private static Tensor random(int... shape) {
    int size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
    return Tensor.of(Sizes.uniform(size, 3, 1), Arrays.stream(shape).asLongStream().toArray());
  }

  private GradusKernels() {}
}
