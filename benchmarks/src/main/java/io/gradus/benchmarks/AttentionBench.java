package io.gradus.benchmarks;

import io.gradus.autograd.Tape;
import io.gradus.op.Attention;
import io.gradus.op.AttentionOptions;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Pointwise;
import io.gradus.op.Shapes;
import io.gradus.op.Softmax;
import io.gradus.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * How fast is causal self-attention of packed queries, keys and values, beside the same with all
 * scores in memory?
 */
public class AttentionBench {

  @State(Scope.Benchmark)
  public static class Operands {
    @Param({Sizes.ATTENTION_LONG, Sizes.ATTENTION_SHORT})
    String shape;

    @Param({"forward", "forward and backward"})
    String pass;

    Sizes.Heads sizes;
    Tensor qkv;
    Tensor dy;
    Tensor mask;

    @Setup
    public void fill() {
      sizes = Sizes.Heads.parse(shape);
      int b = sizes.batch();
      int t = sizes.time();
      int width = sizes.heads() * sizes.size();
      qkv = Tensor.of(Sizes.uniform(b * t * 3 * width, 1, 6), b, t, 3 * width);
      dy = Tensor.of(Sizes.uniform(b * t * width, 1, 7), b, t, width);
      float[] hidden = new float[t * t];
      for (int i = 0; i < t; i++) {
        for (int j = i + 1; j < t; j++) {
          hidden[i * t + j] = Float.NEGATIVE_INFINITY;
        }
      }
      mask = Tensor.of(hidden, t, t);
    }
  }

  private interface Forward {
    Tensor of(Operands x);
  }

  private static void run(Operands x, Forward forward) {
    try (Tape tape = Tape.record()) {
      Tensor y = forward.of(x);
      if (!x.pass.equals("forward")) {
        tape.vjp(y, x.dy, x.qkv);
      }
    }
  }

  @Benchmark
  public void gradus(Operands operands) {
    run(
        operands,
        x -> {
          int heads = x.sizes.heads();
          return Attention.attention(x.qkv, heads, heads, AttentionOptions.causal());
        });
  }

  @Benchmark
  public void composed(Operands operands) {
    run(
        operands,
        x -> {
          int b = x.sizes.batch();
          int t = x.sizes.time();
          int h = x.sizes.heads();
          int d = x.sizes.size();
          Tensor apart = Shapes.permute(Shapes.reshape(x.qkv, b, t, 3, h, d), 2, 0, 3, 1, 4);
          Tensor q = part(apart, 0);
          Tensor k = part(apart, 1);
          Tensor v = part(apart, 2);
          Tensor scores = Pointwise.mul(LinearAlgebra.matmulNT(q, k), 1 / Math.sqrt(d));
          Tensor weights = Softmax.softmax(Pointwise.add(scores, x.mask));
          Tensor y = Shapes.permute(LinearAlgebra.matmul(weights, v), 0, 2, 1, 3);
          return Shapes.reshape(y, b, t, (long) h * d);
        });
  }

  private static Tensor part(Tensor qkv, int i) {
    return Shapes.reshape(Shapes.slice(qkv, i, i + 1), qkv.shape().without(0));
  }
}
