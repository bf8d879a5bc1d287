package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Sizes;
import io.gradus.benchmarks.rivals.KernelTimes.Call;
import io.gradus.benchmarks.rivals.KernelTimes.Kernel;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** libtorch's side of {@link CompareKernels}, in the setting of {@link Libtorch}. */
public final class LibtorchKernels {

  public static void main(String[] args) throws IOException {
    Libtorch.start(Sizes.THREADS);
    KernelTimes.serve(name -> median(Call.parse(name)));
    System.exit(0);
  }

  @SuppressWarnings("try") // the scope frees the operands
  private static double median(Call call) {
    try (var scope = new PointerScope()) {
      return KernelTimes.median(kernel(call));
    }
  }

  @SuppressWarnings("try")
  private static Kernel kernel(Call call) {
    long[] shape = Arrays.stream(call.shape()).asLongStream().toArray();
    return switch (call.op()) {
      case "attention" -> attention(call, shape);
      case "crossEntropy" -> {
        Tensor logits = Libtorch.uniform(3, shape);
        Tensor labels = Libtorch.indices(shape[1], shape[0]);
        yield new Kernel(
            () -> {
              try (var scope = new PointerScope()) {
                torch.cross_entropy_loss(logits, labels).backward();
                logits.mutable_grad().reset();
              }
            });
      }
      case "layerNorm" -> {
        long[] width = {shape[1]};
        Tensor x = Libtorch.uniform(3, shape);
        Tensor weight = Libtorch.uniform(1, width);
        Tensor bias = Libtorch.uniform(1, width);
        var w = new TensorOptional(weight);
        var b = new TensorOptional(bias);
        yield kernel(call, () -> torch.layer_norm(x, width, w, b, 1e-5, false), x, weight, bias);
      }
      case "gelu" -> {
        Tensor x = Libtorch.uniform(3, shape);
        yield kernel(call, () -> torch.gelu(x, "tanh"), x);
      }
      case "softmax" -> {
        Tensor x = Libtorch.uniform(3, shape);
        yield kernel(call, () -> torch.softmax(x, -1), x);
      }
      case "lstm" -> recurrent(call, shape, 4);
      case "gru" -> recurrent(call, shape, 3);
      case "adamw" -> {
        Tensor parameter = Libtorch.trained(torch.zeros(call.size()));
        Tensor gradient = torch.ones(call.size());
        var adamw = new LibtorchAdamW(List.of(parameter));
        yield new Kernel(() -> parameter.mutable_grad().put(gradient), adamw::step);
      }
      case Convolutions.FORWARD, Convolutions.GRAD_INPUT, Convolutions.GRAD_WEIGHT ->
          convolution(call.op(), Convolutions.of(call));
      default -> throw new IllegalArgumentException("kernels: unknown: " + call);
    };
  }

  /** Of queries, keys and values apart, (batch, heads, time, size), which is its best layout. */
  private static Kernel attention(Call call, long[] shape) {
    Tensor q = Libtorch.uniform(3, shape);
    Tensor k = Libtorch.uniform(3, shape);
    Tensor v = Libtorch.uniform(3, shape);
    var noMask = new TensorOptional();
    var scale = new DoubleOptional();
    return kernel(
        call,
        () -> torch.scaled_dot_product_attention(q, k, v, noMask, 0, true, scale, false),
        q,
        k,
        v);
  }

  private static Kernel recurrent(Call call, long[] shape, int gates) {
    long size = shape[3];
    Tensor x = Libtorch.uniform(3, shape[0], shape[1], shape[2]);
    Tensor h0 = torch.zeros(1, shape[1], size);
    Tensor wih = Libtorch.uniform(KernelTimes.WEIGHTS, gates * size, shape[2]);
    Tensor whh = Libtorch.uniform(KernelTimes.WEIGHTS, gates * size, size);
    Tensor bih = Libtorch.uniform(KernelTimes.WEIGHTS, gates * size);
    Tensor bhh = Libtorch.uniform(KernelTimes.WEIGHTS, gates * size);
    var weights = new TensorVector(wih, whh, bih, bhh);
    var states = new TensorVector(h0, h0);
    return kernel(
        call,
        () ->
            gates == 4
                ? torch.lstm(x, states, weights, true, 1, 0, true, false, false).get0()
                : torch.gru(x, h0, weights, true, 1, 0, true, false, false).get0(),
        x,
        wih,
        whh,
        bih,
        bhh);
  }

  @SuppressWarnings("try") // scopes and guards only have to close
  private static Kernel convolution(String op, Convolutions c) {
    Tensor x = torch.randn(longs(c.x()));
    Tensor w = torch.randn(longs(c.weight()));
    Tensor y = torch.randn(longs(c.y()));
    var noBias = new TensorOptional();
    long[] stride = {c.stride(), c.stride()};
    long[] padding = {c.padding(), c.padding()};
    long[] dilation = {1, 1};
    long[] none = {0, 0};
    long[] noSizes = {c.out()};
    boolean input = op.equals(Convolutions.GRAD_INPUT);
    var wanted = new BoolPointer(3);
    wanted.put(0, input).put(1, !input).put(2, false);
    return new Kernel(
        () -> {
          try (var scope = new PointerScope();
              var noGrad = new NoGradGuard()) {
            if (op.equals(Convolutions.FORWARD)) {
              torch.conv2d(x, w, noBias, stride, padding, dilation, 1);
            } else {
              torch.convolution_backward(
                  y, x, w, noSizes, stride, padding, dilation, false, none, 1, wanted);
            }
          }
        });
  }

  private static long[] longs(int... sizes) {
    return Arrays.stream(sizes).asLongStream().toArray();
  }

  @SuppressWarnings("try") // scopes and guards only have to close
  private static Kernel kernel(Call call, Supplier<Tensor> forward, Tensor... inputs) {
    if (!call.backward()) {
      return new Kernel(
          () -> {
            try (var scope = new PointerScope();
                var noGrad = new NoGradGuard()) {
              forward.get();
            }
          });
    }
    Tensor dy = torch.randn(forward.get().sizes());
    return new Kernel(
        () -> {
          try (var scope = new PointerScope()) {
            forward.get().backward(dy, new BoolOptional(), false, new TensorArrayRefOptional());
            for (Tensor input : inputs) {
              input.mutable_grad().reset();
            }
          }
        });
  }

  private LibtorchKernels() {}
}
