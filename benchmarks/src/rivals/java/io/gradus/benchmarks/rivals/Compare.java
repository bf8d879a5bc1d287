package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.pure.PureBench;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Gradus, libtorch and pure Java in turn, each run in its own JVM, so that a slow minute of the
 * machine meets all of them. Prints the medians of the rounds as a Markdown table, and writes it.
 *
 * <p>{@code Compare [rounds] [seconds] [threads] [file.md]}, from the root of the project.
 */
public final class Compare {
  private static final List<String> WORKLOADS =
      List.of("mlp_784_256_10_b32", "mlp_784_256_10_b64", "mlp_784_256_10_b256");

  private enum Engine {
    GRADUS,
    LIBTORCH,
    PURE_JAVA
  }

  private record Key(String workload, Engine engine) {}

  private record Run(double samples, double rss) {}

  private final int rounds;
  private final String seconds;
  private final String threads;
  private final Map<Key, List<Run>> runs = new HashMap<>();

  private Compare(int rounds, String seconds, String threads) {
    this.rounds = rounds;
    this.seconds = seconds;
    this.threads = threads;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    var compare =
        new Compare(
            args.length > 0 ? Integer.parseInt(args[0]) : 5,
            args.length > 1 ? args[1] : "3",
            args.length > 2 ? args[2] : "" + Runtime.getRuntime().availableProcessors());
    Path file = Path.of(args.length > 3 ? args[3] : "benchmarks/target/compare.md");
    compare.measure();
    String table = compare.table();
    System.out.print(table);
    Files.writeString(file, table);
  }

  private void measure() throws IOException, InterruptedException {
    for (int round = 1; round <= rounds; round++) {
      for (String workload : WORKLOADS) {
        for (Engine engine : Engine.values()) {
          Run run = run(command(engine, workload));
          System.err.printf(
              "round %d of %d: %s %s: %.0f%n", round, rounds, workload, engine, run.samples);
          runs.computeIfAbsent(new Key(workload, engine), key -> new ArrayList<>()).add(run);
        }
      }
    }
  }

  private List<String> command(Engine engine, String workload) {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String classes = System.getProperty("java.class.path");
    List<String> program =
        switch (engine) {
          case GRADUS -> List.of("./gradus", "bench", "--json");
          case LIBTORCH -> List.of(java, "-cp", classes, LibtorchBench.class.getName());
          case PURE_JAVA -> {
            String module = "--add-modules=jdk.incubator.vector";
            yield List.of(java, module, "-cp", classes, PureBench.class.getName());
          }
        };
    var command = new ArrayList<>(program);
    command.addAll(List.of("--workload", workload, "--seconds", seconds, "--threads", threads));
    return command;
  }

  private static Run run(List<String> command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException("compare: exit code %d: %s".formatted(process.exitValue(), command));
    }
    return new Run(number("median", output), number("peak_rss_mb", output));
  }

  private static double number(String key, String json) {
    Matcher matcher = Pattern.compile("\"" + key + "\":\\s*([0-9.eE+-]+)").matcher(json);
    if (!matcher.find()) {
      throw new IllegalArgumentException("compare: no %s in the output: %s".formatted(key, json));
    }
    return Double.parseDouble(matcher.group(1));
  }

  private String table() throws IOException {
    var text = new StringBuilder();
    text.append(
        "| samples/s | Gradus | libtorch | pure Java | Gradus / libtorch | peak RSS, MB |\n");
    text.append("|---|---|---|---|---|---|\n");
    for (String workload : WORKLOADS) {
      text.append(
          String.format(
              Locale.ROOT,
              "| `%s` | %,.0f | %,.0f | %,.0f | %s | %.0f / %.0f |%n",
              workload,
              median(workload, Engine.GRADUS, Run::samples),
              median(workload, Engine.LIBTORCH, Run::samples),
              median(workload, Engine.PURE_JAVA, Run::samples),
              ratio(workload),
              median(workload, Engine.GRADUS, Run::rss),
              median(workload, Engine.LIBTORCH, Run::rss)));
    }
    text.append(
        "%n%s, %s threads, JDK %s, %s: medians of %d rounds of %s s, each in a JVM of its own.%n"
            .formatted(
                processor(),
                threads,
                Runtime.version().feature(),
                LocalDate.now(),
                rounds,
                seconds));
    return text.toString();
  }

  /** The median of the rounds' ratios, and how far they lie apart. */
  private String ratio(String workload) {
    List<Run> gradus = runs.get(new Key(workload, Engine.GRADUS));
    List<Run> libtorch = runs.get(new Key(workload, Engine.LIBTORCH));
    var ratios = new ArrayList<Double>();
    for (int i = 0; i < rounds; i++) {
      ratios.add(gradus.get(i).samples / libtorch.get(i).samples);
    }
    Collections.sort(ratios);
    return String.format(
        Locale.ROOT,
        "%.2f (%.2f to %.2f)",
        ratios.get(rounds / 2),
        ratios.get(0),
        ratios.get(rounds - 1));
  }

  private double median(String workload, Engine engine, ToDoubleFunction<Run> value) {
    double[] sorted =
        runs.get(new Key(workload, engine)).stream().mapToDouble(value).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  private static String processor() throws IOException {
    return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
        .filter(line -> line.startsWith("model name"))
        .map(line -> line.replaceFirst(".*:\\s*", ""))
        .findFirst()
        .orElse(System.getProperty("os.arch"));
  }
}
