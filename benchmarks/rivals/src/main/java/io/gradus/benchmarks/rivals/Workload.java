package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Sizes;
import java.util.List;

/**
 * A training step that {@code gradus bench} measures too, and the least work that is in it. What is
 * not counted (norms, activations, masks) makes the floor lower than it is, never higher.
 *
 * @param units samples or tokens in one step
 * @param gemmFlops of the matrix products, forward and backward
 * @param attentionFlops of scores and values: 2 products forward, 5 backward with the scores again,
 *     of which a causal mask leaves half
 * @param bytes that the optimizer moves (12 a parameter for SGD, 28 for AdamW), and the loss, which
 *     reads and writes the scores of a vocabulary once
 * @param cached whether these bytes stay in cache from step to step
 */
record Workload(
    String name, int units, double gemmFlops, double attentionFlops, double bytes, boolean cached) {

  private static final String MLP = "mlp";
  private static final double ADAMW_BYTES = 28;
  private static final double SGD_BYTES = 12;

  static final List<Workload> ALL =
      List.of(
          mlp(32),
          mlp(64),
          mlp(256),
          gpt("gpt2_b4_t64", 50_257, 1024, 768, 12, true, 4, 64),
          gpt("gpt2_b1_t512", 50_257, 1024, 768, 12, true, 1, 512),
          gpt("shakespeare_b8_t256", 65, 256, 384, 6, false, 8, 256),
          bert("minilm_b16_s128", 384, 6, 16, 128),
          bert("minilm_b16_s128_dropout", 384, 6, 16, 128),
          bert("bertbase_b8_s128", 768, 12, 8, 128));

  private static Workload mlp(int batch) {
    String name =
        "mlp_%d_%d_%d_b%d".formatted(Sizes.MLP_IN, Sizes.MLP_HIDDEN, Sizes.MLP_OUT, batch);
    int parameters = (Sizes.MLP_IN + 1) * Sizes.MLP_HIDDEN + (Sizes.MLP_HIDDEN + 1) * Sizes.MLP_OUT;
    return new Workload(name, batch, Sizes.mlpFlops(batch), 0, SGD_BYTES * parameters, true);
  }

  private static Workload gpt(
      String name, int v, int context, int c, int layers, boolean bias, int b, int t) {
    double tokens = (double) b * t;
    double matrices = 12.0 * c * c * layers;
    double vectors = bias ? 13.0 * c * layers + 2 * c : 2.0 * c * layers + c;
    double head = (double) v * c; // the table of tokens too
    double parameters = matrices + vectors + head + (double) context * c;
    return new Workload(
        name,
        b * t,
        6 * (matrices + head) * tokens,
        3.5 * 2 * t * c * layers * tokens,
        ADAMW_BYTES * parameters + 2 * 4 * tokens * v,
        false);
  }

  private static Workload bert(String name, int c, int layers, int b, int t) {
    double tokens = (double) b * t;
    double matrices = 12.0 * c * c * layers;
    double tables = (30_522 + 512 + 2.0) * c;
    double parameters = matrices + 13.0 * c * layers + tables + 2 * c + (c + 3.0) * c + 2;
    return new Workload(
        name,
        b,
        6 * matrices * tokens + 6.0 * (c + 2) * c * b,
        3.5 * 4 * t * c * layers * tokens,
        ADAMW_BYTES * parameters,
        false);
  }

  boolean isMlp() {
    return name.startsWith(MLP);
  }

  /** Whether it is meant by its own name or by that of a group. */
  boolean isCalled(String word) {
    return switch (word) {
      case "all" -> true;
      case MLP -> isMlp();
      case "transformers" -> !isMlp();
      default -> word.equals(name);
    };
  }

  /** Milliseconds in which no step can be done: all at the machine's peaks, one after the other. */
  double floor(Peaks peaks) {
    return floor(peaks, peaks.gflops(), peaks.gflops());
  }

  /**
   * Milliseconds that good kernels come close to: products at the rate of a loop that finds all it
   * reads in L1, in time that other programs on the machine leave, and attention, half of which is
   * exponentials, at 65 % of it.
   */
  double attainable(Peaks peaks) {
    return floor(peaks, peaks.typicalTileGflops(), 0.65 * peaks.typicalTileGflops());
  }

  private double floor(Peaks peaks, double gemmRate, double attentionRate) {
    return gemmFlops / 1e6 / gemmRate
        + attentionFlops / 1e6 / attentionRate
        + bytes / 1e6 / peaks.gigabytes(cached);
  }
}
