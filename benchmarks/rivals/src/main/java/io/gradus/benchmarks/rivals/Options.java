package io.gradus.benchmarks.rivals;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@link Compare} is asked for.
 *
 * @param rounds how often everything is measured
 * @param seconds how long each time
 * @param threads of each engine
 * @param workloads by name
 * @param engines in the order of the columns
 * @param output where the report goes, less {@code .md} and {@code .json}
 */
record Options(
    int rounds,
    double seconds,
    int threads,
    List<Workload> workloads,
    List<Engine> engines,
    Path output) {

  private static final String USAGE =
      """
      Options, all with a value:
        --rounds N         how often everything is measured; 5
        --seconds S        how long each time; 3
        --threads N        of each engine; all processors
        --workload NAME,.. or mlp, transformers, all; all
        --engine NAME,..   %s; all
        --output FILE      less .md and .json; target/compare
      """
          .formatted(String.join(", ", names(List.of(Engine.values()))));

  static Options parse(String... args) {
    int rounds = 5;
    double seconds = 3;
    int threads = Runtime.getRuntime().availableProcessors();
    List<Workload> workloads = Workload.ALL;
    List<Engine> engines = List.of(Engine.values());
    Path output = Path.of("target", "compare");
    for (int i = 0; i < args.length; i += 2) {
      if (i + 1 == args.length) {
        throw invalid(args[i] + " needs a value");
      }
      String value = args[i + 1];
      switch (args[i]) {
        case "--rounds" -> rounds = Integer.parseInt(value);
        case "--seconds" -> seconds = Double.parseDouble(value);
        case "--threads" -> threads = Integer.parseInt(value);
        case "--workload" -> workloads = workloads(value);
        case "--engine" -> engines = engines(value);
        case "--output" -> output = Path.of(value);
        default -> throw invalid("unknown: " + args[i]);
      }
    }
    return new Options(rounds, seconds, threads, workloads, engines, output);
  }

  private static List<Workload> workloads(String names) {
    List<Workload> chosen = new ArrayList<>();
    for (String name : names.split(",")) {
      List<Workload> meant = Workload.ALL.stream().filter(w -> w.isCalled(name)).toList();
      if (meant.isEmpty()) {
        throw invalid(
            "unknown workload: "
                + name
                + "; there are "
                + Workload.ALL.stream().map(Workload::name).toList());
      }
      chosen.addAll(meant);
    }
    return chosen;
  }

  private static List<Engine> engines(String names) {
    List<String> chosen = List.of(names.split(","));
    if (!names(List.of(Engine.values())).containsAll(chosen)) {
      throw invalid("unknown engine: " + names);
    }
    return List.of(Engine.values()).stream().filter(e -> chosen.contains(e.option())).toList();
  }

  private static List<String> names(List<Engine> engines) {
    return engines.stream().map(Engine::option).toList();
  }

  private static IllegalArgumentException invalid(String message) {
    return new IllegalArgumentException("compare: " + message + "\n" + USAGE);
  }
}
