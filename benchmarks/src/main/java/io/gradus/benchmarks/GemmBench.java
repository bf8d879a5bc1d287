package io.gradus.benchmarks;

import io.gradus.op.LinearAlgebra;
import io.gradus.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** How fast are the matrix products of the MLP and of transformers, and a large one? */
public class GemmBench {

  @State(Scope.Benchmark)
  public static class Arrays {
    @Param({
      Sizes.FORWARD_B32,
      Sizes.FORWARD_B64,
      Sizes.FORWARD_B256,
      Sizes.WEIGHTS_B32,
      Sizes.WEIGHTS_B256,
      Sizes.LOGITS_B32,
      Sizes.SQUARE,
      Sizes.GPT2_QKV,
      Sizes.GPT2_INPUT_GRAD,
      Sizes.GPT2_WEIGHT_GRAD,
      Sizes.SMALL_DOWN,
      Sizes.TOKEN_UP
    })
    String shape;

    Sizes.Gemm gemm;
    float[] a;
    float[] b;
    float[] c;

    @Setup
    public void fill() {
      gemm = Sizes.Gemm.parse(shape);
      a = Sizes.uniform(gemm.m() * gemm.k(), 1, 1);
      b = Sizes.uniform(gemm.k() * gemm.n(), 1, 2);
      c = new float[gemm.m() * gemm.n()];
    }

    /** A wrong product could win. */
    @TearDown
    public void check() {
      gemm.check(a, b, c);
    }
  }

  @State(Scope.Benchmark)
  public static class Tensors {
    Tensor a;
    Tensor b;

    @Setup
    public void copy(Arrays arrays) {
      Sizes.Gemm gemm = arrays.gemm;
      a = gemm.ta() ? tensor(arrays.a, gemm.k(), gemm.m()) : tensor(arrays.a, gemm.m(), gemm.k());
      b = gemm.tb() ? tensor(arrays.b, gemm.n(), gemm.k()) : tensor(arrays.b, gemm.k(), gemm.n());
      try (Tensor c = product(gemm, a, b)) {
        System.arraycopy(c.toFloats(), 0, arrays.c, 0, arrays.c.length);
      }
    }

    private static Tensor tensor(float[] values, long rows, long columns) {
      return Tensor.of(values, rows, columns);
    }

    @TearDown
    public void close() {
      a.close();
      b.close();
    }
  }

  @Benchmark
  public void gradus(Arrays arrays, Tensors tensors) {
    product(arrays.gemm, tensors.a, tensors.b).close();
  }

  private static Tensor product(Sizes.Gemm gemm, Tensor a, Tensor b) {
    if (gemm.ta()) {
      return LinearAlgebra.matmulTN(a, b);
    }
    return gemm.tb() ? LinearAlgebra.matmulNT(a, b) : LinearAlgebra.matmul(a, b);
  }

  @Benchmark
  public void packed(Arrays x, Engines.PackedLoops engine) {
    Sizes.Gemm gemm = x.gemm;
    engine.kernels.gemm(gemm.ta(), gemm.tb(), gemm.m(), gemm.n(), gemm.k(), x.a, x.b, x.c);
  }

  @Benchmark
  public void loops(Arrays x, Engines.PlainLoops engine) {
    Sizes.Gemm gemm = x.gemm;
    engine.kernels.gemm(gemm.ta(), gemm.tb(), gemm.m(), gemm.n(), gemm.k(), x.a, x.b, x.c);
  }
}
