package io.gradus.benchmarks.rivals;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the machine can do at most with a number of threads, as {@code src/main/native/peaks.cpp}
 * measures it.
 */
record Peaks(Map<String, Double> figures) {
  private static final String PROGRAM = "target/peaks";

  static Peaks measure(int threads) throws IOException, InterruptedException {
    Map<String, Double> figures = new LinkedHashMap<>();
    Child.run(List.of(PROGRAM, Integer.toString(threads)), Map.of())
        .forEach((name, value) -> figures.put(name, Double.valueOf(value)));
    return new Peaks(figures);
  }

  /** The better figures of both: noise only takes away. */
  Peaks or(Peaks other) {
    Map<String, Double> best = new LinkedHashMap<>(figures);
    other.figures.forEach((name, value) -> best.merge(name, value, Math::max));
    return new Peaks(best);
  }

  int threads() {
    return figures.get("threads").intValue();
  }

  double gflops() {
    return figures.get("fma_gflops");
  }

  /** GB/s of the best of reading, writing elsewhere, and writing back. */
  double gigabytes(boolean cached) {
    String of = cached ? "cache_" : "";
    double streams = Math.max(figures.get(of + "read_gbs"), figures.get(of + "triad_gbs"));
    return Math.max(streams, figures.get(of + "update_gbs"));
  }
}
