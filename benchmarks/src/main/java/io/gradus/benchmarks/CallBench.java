package io.gradus.benchmarks;

import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What does one op on one number cost: the native call alone, as an op, recorded on a tape,
 * replayed?
 */
public class CallBench {
  private static final int OPS = 100; // in a tape or scope, whose own cost is shared by its ops

  @State(Scope.Benchmark)
  public static class Numbers {
    final float[] array = new float[1];
    final Tensor x = Tensor.of(new float[] {1}, 1);
    final Tensor y = Tensor.of(new float[] {2}, 1);
    final Tensor weight = Tensor.of(new float[] {3}, 1);

    @Setup
    public void watch() {
      weight.requiresGrad(true);
    }

    @TearDown
    public void close() {
      x.close();
      y.close();
      weight.close();
    }
  }

  /** Ops that a graph makes in one pass, and ops that it makes one by one. */
  @State(Scope.Benchmark)
  public static class Captured {
    Graph adds;
    Graph sums;

    @Setup
    public void capture(Numbers n) {
      adds = capture(n, in -> Pointwise.add(in[0], in[1]));
      sums = capture(n, in -> Reductions.sum(in[0]));
    }

    private static Graph capture(Numbers n, Graph.Step op) {
      return Graph.capture(
          in -> {
            Tensor y = null;
            for (int i = 0; i < OPS; i++) {
              y = op.run(in);
            }
            return y;
          },
          n.x,
          n.y);
    }

    @TearDown
    public void close() {
      adds.close();
      sums.close();
    }
  }

  @Benchmark
  public void nativeCall(Numbers n) {
    n.x.backend().relu(n.x.typeCode(), n.x.address(), n.y.address(), 1);
  }

  @Benchmark
  @OperationsPerInvocation(OPS)
  public void op(Numbers n) {
    try (var scope = io.gradus.tensor.Scope.open()) {
      for (int i = 0; i < OPS; i++) {
        Pointwise.add(n.x, n.y);
      }
    }
  }

  @Benchmark
  @OperationsPerInvocation(OPS)
  public void recordedOp(Numbers n) {
    try (var tape = Tape.record()) {
      for (int i = 0; i < OPS; i++) {
        Pointwise.add(n.x, n.weight);
      }
    }
  }

  @Benchmark
  @OperationsPerInvocation(OPS)
  public void replayedOp(Captured c, Numbers n) {
    c.adds.replay(n.x, n.y);
  }

  @Benchmark
  @OperationsPerInvocation(OPS)
  public void replayedReduction(Captured c, Numbers n) {
    c.sums.replay(n.x, n.y);
  }

  @Benchmark
  public float[] loops(Numbers n) {
    for (int i = 0; i < n.array.length; i++) {
      n.array[i] = Math.max(0, n.array[i]);
    }
    return n.array;
  }
}
