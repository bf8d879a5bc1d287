package io.gradus.benchmarks.rivals;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;

import io.gradus.benchmarks.Sizes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/**
 * GFLOP/s of MKL's or OpenBLAS's own GEMM at our shapes: {@code BlasBench mkl|openblas}. Each needs
 * a JVM of its own, because both answer to the same symbols, and takes its number of threads from
 * its environment, MKL_NUM_THREADS or OPENBLAS_NUM_THREADS.
 */
public final class BlasBench {
  private static final List<String> SHAPES =
      List.of(
          Sizes.FORWARD_B32,
          Sizes.FORWARD_B64,
          Sizes.FORWARD_B256,
          Sizes.WEIGHTS_B32,
          Sizes.WEIGHTS_B64,
          Sizes.WEIGHTS_B256,
          Sizes.LOGITS_B32,
          Sizes.SQUARE,
          Sizes.GPT2_QKV,
          Sizes.GPT2_OUT,
          Sizes.GPT2_INPUT_GRAD,
          Sizes.GPT2_WEIGHT_GRAD,
          Sizes.GPT2_HEAD,
          Sizes.SMALL_UP,
          Sizes.SMALL_DOWN,
          Sizes.BERT_UP,
          Sizes.TOKEN_UP,
          Sizes.TOKEN_HEAD);
  private static final double WARM_UP_SECONDS = 0.3;
  private static final double SECONDS = 1.5;
  private static final double WINDOW_FLOPS = 2e8; // 1 to 2 ms

  public static void main(String[] args) {
    if (args.length == 1 && args[0].equals("mkl")) {
      System.setProperty("org.bytedeco.openblas.load", "mkl");
    }
    System.out.printf("| %-18s | median | p90 |%n|---|---|---|%n", "GFLOP/s");
    for (String shape : SHAPES) {
      List<Double> rates = measure(Sizes.Gemm.parse(shape));
      System.out.printf(
          "| %-18s | %.0f | %.0f |%n",
          shape, rates.get(rates.size() / 2), rates.get(rates.size() * 9 / 10));
    }
    System.exit(0);
  }

  private static List<Double> measure(Sizes.Gemm g) {
    FloatPointer a = aligned(g.m() * g.k(), 1);
    FloatPointer b = aligned(g.k() * g.n(), 2);
    FloatPointer c = aligned(g.m() * g.n(), 3);
    int calls = (int) Math.max(1, WINDOW_FLOPS / g.flops());
    var rates = new ArrayList<Double>();
    long begin = System.nanoTime();
    while (System.nanoTime() - begin < (WARM_UP_SECONDS + SECONDS) * 1e9) {
      long start = System.nanoTime();
      for (int i = 0; i < calls; i++) {
        sgemm(g, a, b, c);
      }
      long now = System.nanoTime();
      if (now - begin > WARM_UP_SECONDS * 1e9) {
        rates.add(g.flops() * calls / (now - start));
      }
    }
    Collections.sort(rates);
    return rates;
  }

  private static void sgemm(Sizes.Gemm g, FloatPointer a, FloatPointer b, FloatPointer c) {
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

  /** On a cache line, as libtorch's and Gradus's blocks are. */
  private static FloatPointer aligned(int size, long seed) {
    var pointer = new FloatPointer(size + 16L);
    pointer.position((64 - pointer.address() % 64) % 64 / 4);
    return pointer.put(Sizes.uniform(size, 1, seed));
  }

  private BlasBench() {}
}
