package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.pure.PureBench;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
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
 * <p>{@code Compare [--workload mlp|transformers|NAME,...] [rounds] [seconds] [threads] [file.md]},
 * from the root of the project.
 */
public final class Compare {
  private static final List<String> MLP =
      List.of("mlp_784_256_10_b32", "mlp_784_256_10_b64", "mlp_784_256_10_b256");

  /** Those of {@code gradus bench} that libtorch can do too. */
  private static final List<String> TRANSFORMERS =
      List.of(
          "gpt2_b4_t64",
          "gpt2_b1_t512",
          "shakespeare_b8_t256",
          "minilm_b16_s128",
          "minilm_b16_s128_dropout",
          "bertbase_b8_s128");

  private enum Engine {
    GRADUS,
    LIBTORCH,
    PURE_JAVA;

    boolean has(String workload) {
      return this != PURE_JAVA || MLP.contains(workload);
    }
  }

  private record Key(String workload, Engine engine) {}

  private record Run(String metric, double rate, double rss) {
    static Run parse(String json) {
      return new Run(
          find("\"metric\":\\s*\"([^\"]+)\"", json),
          Double.parseDouble(find("\"median\":\\s*([0-9.eE+-]+)", json)),
          Double.parseDouble(find("\"peak_rss_mb\":\\s*([0-9.eE+-]+)", json)));
    }

    private static String find(String pattern, String json) {
      Matcher matcher = Pattern.compile(pattern).matcher(json);
      if (!matcher.find()) {
        throw new IllegalArgumentException(
            "compare: no %s in the output: %s".formatted(pattern, json));
      }
      return matcher.group(1);
    }
  }

  private final List<String> workloads;
  private final int rounds;
  private final String seconds;
  private final String threads;
  private final Map<Key, List<Run>> runs = new HashMap<>();

  private Compare(List<String> workloads, int rounds, String seconds, String threads) {
    this.workloads = workloads;
    this.rounds = rounds;
    this.seconds = seconds;
    this.threads = threads;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    List<String> rest = new ArrayList<>(List.of(args));
    List<String> workloads = MLP;
    int option = rest.indexOf("--workload");
    if (option >= 0) {
      rest.remove(option);
      workloads = option < rest.size() ? workloads(rest.remove(option)) : workloads("");
    }
    var compare =
        new Compare(
            workloads,
            rest.size() > 0 ? Integer.parseInt(rest.get(0)) : 5,
            rest.size() > 1 ? rest.get(1) : "3",
            rest.size() > 2 ? rest.get(2) : "" + Runtime.getRuntime().availableProcessors());
    Path file = Path.of(rest.size() > 3 ? rest.get(3) : "benchmarks/target/compare.md");
    compare.measure();
    String table = compare.table();
    System.out.print(table);
    Files.writeString(file, table);
  }

  private static List<String> workloads(String names) {
    List<String> known = new ArrayList<>(MLP);
    known.addAll(TRANSFORMERS);
    List<String> chosen =
        switch (names) {
          case "mlp" -> MLP;
          case "transformers" -> TRANSFORMERS;
          default -> List.of(names.split(","));
        };
    if (!known.containsAll(chosen)) {
      throw new IllegalArgumentException(
          "compare: unknown workload: %s; use mlp, transformers or some of %s"
              .formatted(names, known));
    }
    return chosen;
  }

  private void measure() throws IOException, InterruptedException {
    for (int round = 1; round <= rounds; round++) {
      for (String workload : workloads) {
        for (Engine engine : Engine.values()) {
          if (engine.has(workload)) {
            Run run = run(command(engine, workload));
            System.err.printf("round %d of %d: %s %s: %s%n", round, rounds, workload, engine, run);
            runs.computeIfAbsent(new Key(workload, engine), key -> new ArrayList<>()).add(run);
          }
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
    return Run.parse(output);
  }

  private String table() throws IOException {
    var text = new StringBuilder();
    text.append(
        "| workload | | Gradus | libtorch | pure Java | Gradus / libtorch | peak RSS, MB |\n");
    text.append("|---|---|---|---|---|---|---|\n");
    for (String workload : workloads) {
      text.append(
          String.format(
              Locale.ROOT,
              "| `%s` | %s | %s | %s | %s | %s | %.0f / %.0f |%n",
              workload,
              runs(workload, Engine.GRADUS).get(0).metric,
              rate(workload, Engine.GRADUS),
              rate(workload, Engine.LIBTORCH),
              rate(workload, Engine.PURE_JAVA),
              ratio(workload),
              median(runs(workload, Engine.GRADUS), Run::rss),
              median(runs(workload, Engine.LIBTORCH), Run::rss)));
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

  private List<Run> runs(String workload, Engine engine) {
    return runs.get(new Key(workload, engine));
  }

  private String rate(String workload, Engine engine) {
    if (!engine.has(workload)) {
      return "–";
    }
    double rate = median(runs(workload, engine), Run::rate);
    return String.format(Locale.ROOT, rate < 100 ? "%.1f" : "%,.0f", rate);
  }

  private String ratio(String workload) {
    List<Run> gradus = runs(workload, Engine.GRADUS);
    List<Run> libtorch = runs(workload, Engine.LIBTORCH);
    var ratios = new ArrayList<Double>();
    for (int i = 0; i < rounds; i++) {
      ratios.add(gradus.get(i).rate / libtorch.get(i).rate);
    }
    return range(ratios, ratio -> ratio);
  }

  /** The median of the rounds' values, and how far they lie apart. */
  static <T> String range(List<T> rounds, ToDoubleFunction<T> value) {
    double[] sorted = sorted(rounds, value);
    return String.format(
        Locale.ROOT,
        "%.2f (%.2f to %.2f)",
        sorted[sorted.length / 2],
        sorted[0],
        sorted[sorted.length - 1]);
  }

  static <T> double median(List<T> rounds, ToDoubleFunction<T> value) {
    return sorted(rounds, value)[rounds.size() / 2];
  }

  private static <T> double[] sorted(List<T> rounds, ToDoubleFunction<T> value) {
    return rounds.stream().mapToDouble(value).sorted().toArray();
  }

  static String processor() throws IOException {
    return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
        .filter(line -> line.startsWith("model name"))
        .map(line -> line.replaceFirst(".*:\\s*", ""))
        .findFirst()
        .orElse(System.getProperty("os.arch"));
  }
}
