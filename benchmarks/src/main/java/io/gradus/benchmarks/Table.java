package io.gradus.benchmarks;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.RunResult;

/**
 * Turns the times of one benchmark class into rates: a line for each shape, a column for each
 * engine.
 */
final class Table {

  /** What one call does: the rate is {@code amount} in a nanosecond, or without one the time. */
  private record Work(String name, String unit, double amount) {
    double rate(double nanoseconds) {
      return amount == 0 ? nanoseconds : amount / nanoseconds;
    }
  }

  static String of(Collection<RunResult> results) {
    Map<Work, Map<String, Double>> lines = new LinkedHashMap<>();
    Set<String> engines = new LinkedHashSet<>();
    for (RunResult result : results) {
      String[] path = result.getParams().getBenchmark().split("\\.");
      String engine = path[path.length - 1];
      Work work = work(path[path.length - 2], result.getParams());
      engines.add(engine);
      lines
          .computeIfAbsent(work, key -> new LinkedHashMap<>())
          .put(engine, work.rate(result.getPrimaryResult().getScore()));
    }
    return text(lines, engines);
  }

  private static Work work(String benchmark, BenchmarkParams params) {
    String shape = params.getParam("shape");
    return switch (benchmark) {
      case "GemmBench" -> new Work("gemm " + shape, "GFLOP/s", Sizes.Gemm.parse(shape).flops());
      case "PointwiseBench" -> {
        String op = params.getParam("op");
        int matrices = op.equals("add") ? 3 : 2;
        yield new Work(op + " " + shape, "GB/s", Sizes.Matrix.parse(shape).bytes(matrices));
      }
      case "SoftmaxBench" ->
          new Work("softmax " + shape, "GB/s", Sizes.Matrix.parse(shape).bytes(2));
      case "AttentionBench" -> {
        String pass = params.getParam("pass");
        double flops = Sizes.Heads.parse(shape).flops(!pass.equals("forward"));
        yield new Work("attention " + shape + " " + pass, "GFLOP/s", flops);
      }
      case "NormalizationBench" -> {
        String call = params.getParam("call");
        int matrices = call.startsWith("add") ? 4 : 2;
        yield new Work(call, "GB/s", NormalizationBench.matrix(call).bytes(matrices));
      }
      case "MlpBench" -> {
        int batch = Integer.parseInt(params.getParam("batch"));
        yield new Work("MLP step b" + batch, "GFLOP/s", Sizes.mlpFlops(batch));
      }
      case "TokenizerBench" ->
          new Work(params.getParam("task"), "MB/s", 1e3 * TokenizerBench.bytes());
      default -> new Work("one op on one number", "ns", 0);
    };
  }

  private static String text(Map<Work, Map<String, Double>> lines, Set<String> engines) {
    var text = new StringBuilder("| |");
    engines.forEach(engine -> text.append(' ').append(engine).append(" |"));
    text.append("\n|---|").append("---|".repeat(engines.size())).append('\n');
    lines.forEach(
        (work, rates) -> {
          text.append("| %s, %s |".formatted(work.name, work.unit));
          for (String engine : engines) {
            text.append(String.format(Locale.ROOT, " %.1f |", rates.get(engine)));
          }
          text.append('\n');
        });
    return text.toString();
  }

  private Table() {}
}
