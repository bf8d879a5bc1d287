package io.gradus.benchmarks.rivals;

import java.io.IOException;
import java.util.Collection;
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

  /**
   * What several measurements come to: the best of each figure, because noise only takes away, but
   * the median of those that are typical.
   */
  static Peaks of(Collection<Peaks> found) {
    Map<String, Double> figures = new LinkedHashMap<>();
    for (String name : found.iterator().next().figures.keySet()) {
      double[] values =
          found.stream().mapToDouble(peaks -> peaks.figures.get(name)).sorted().toArray();
      figures.put(
          name, values[name.startsWith("typical_") ? values.length / 2 : values.length - 1]);
    }
    return new Peaks(figures);
  }

  int threads() {
    return figures.get("threads").intValue();
  }

  double gflops() {
    return figures.get("fma_gflops");
  }

  /** What the loop of a matrix product reached in between, with all it reads in L1. */
  double typicalTileGflops() {
    return figures.get("typical_tile_gflops");
  }

  /** GB/s of the best of reading, writing elsewhere, and writing back. */
  double gigabytes(boolean cached) {
    String of = cached ? "cache_" : "";
    double streams = Math.max(figures.get(of + "read_gbs"), figures.get(of + "triad_gbs"));
    return Math.max(streams, figures.get(of + "update_gbs"));
  }
}
