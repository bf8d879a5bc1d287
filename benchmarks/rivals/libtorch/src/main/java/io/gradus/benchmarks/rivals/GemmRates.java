package io.gradus.benchmarks.rivals;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;

import io.gradus.benchmarks.Sizes;
import io.gradus.benchmarks.Sizes.Gemm;
import io.gradus.op.LinearAlgebra;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/**
 * GFLOP/s of a library's matrix products: {@code GemmRates gradus|openblas|mkl|onednn} answers with
 * one number to each shape on its input. Each needs a JVM of its own, because OpenBLAS and MKL
 * answer to the same symbols, and takes its number of threads from its environment.
 */
public final class GemmRates {
  private static final double WINDOW_FLOPS = 2e8; // 1 to 2 ms

  /** Multiplies row-major matrices. */
  private interface Library {
    void multiply(Gemm g, FloatPointer a, FloatPointer b, FloatPointer c);
  }

  public static void main(String[] args) throws IOException {
    switch (args[0]) {
      case "gradus" -> KernelTimes.serve(shape -> gradus(Gemm.parse(shape)));
      case "onednn" -> KernelTimes.serve(shape -> rate(Gemm.parse(shape), GemmRates::onednn));
      case "openblas", "mkl" -> {
        System.setProperty("org.bytedeco.openblas.load", args[0]);
        KernelTimes.serve(shape -> rate(Gemm.parse(shape), GemmRates::blas));
      }
      default -> throw new IllegalArgumentException("gemm: no such library: " + args[0]);
    }
    System.exit(0);
  }

  private static double gradus(Gemm g) {
    try (Tensor a = random(g.ta() ? g.k() : g.m(), g.ta() ? g.m() : g.k(), 1);
        Tensor b = random(g.tb() ? g.n() : g.k(), g.tb() ? g.k() : g.n(), 2)) {
      return rate(g, () -> product(g, a, b).close());
    }
  }

  private static Tensor product(Gemm g, Tensor a, Tensor b) {
    if (g.ta()) {
      return LinearAlgebra.matmulTN(a, b);
    }
    return g.tb() ? LinearAlgebra.matmulNT(a, b) : LinearAlgebra.matmul(a, b);
  }

  private static Tensor random(int rows, int columns, long seed) {
    return Tensor.of(Sizes.uniform(rows * columns, 1, seed), rows, columns);
  }

  private static double rate(Gemm g, Library library) {
    try (FloatPointer a = aligned(g.m() * g.k(), 1);
        FloatPointer b = aligned(g.k() * g.n(), 2);
        FloatPointer c = aligned(g.m() * g.n(), 3)) {
      return rate(g, () -> library.multiply(g, a, b, c));
    }
  }

  /** In windows long enough to be timed. */
  private static double rate(Gemm g, Runnable multiply) {
    int calls = (int) Math.max(1, WINDOW_FLOPS / g.flops());
    var window =
        new KernelTimes.Kernel(
            () -> {
              for (int i = 0; i < calls; i++) {
                multiply.run();
              }
            });
    return g.flops() * calls / KernelTimes.median(window) / 1e6;
  }

  private static void blas(Gemm g, FloatPointer a, FloatPointer b, FloatPointer c) {
    openblas_nolapack.cblas_sgemm(
        CblasRowMajor,
        g.ta() ? CblasTrans : CblasNoTrans,
        g.tb() ? CblasTrans : CblasNoTrans,
        g.m(),
        g.n(),
        g.k(),
        1,
        a,
        g.ta() ? g.m() : g.k(),
        b,
        g.tb() ? g.k() : g.n(),
        0,
        c,
        g.n());
  }

  private static void onednn(Gemm g, FloatPointer a, FloatPointer b, FloatPointer c) {
    dnnl.dnnl_sgemm(
        (byte) (g.ta() ? 'T' : 'N'),
        (byte) (g.tb() ? 'T' : 'N'),
        g.m(),
        g.n(),
        g.k(),
        1,
        a,
        g.ta() ? g.m() : g.k(),
        b,
        g.tb() ? g.k() : g.n(),
        0,
        c,
        g.n());
  }

  /** On a cache line, as libtorch's and Gradus's blocks are. */
  private static FloatPointer aligned(int size, long seed) {
    var pointer = new FloatPointer(size + 16L);
    pointer.position((64 - pointer.address() % 64) % 64 / 4);
    return pointer.put(Sizes.uniform(size, 1, seed));
  }

  private GemmRates() {}
}
