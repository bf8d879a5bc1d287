package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Machine;
import io.gradus.benchmarks.Rounds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Single ops of transformers and of image networks in Gradus and libtorch, each engine in a JVM of its own, asked in
 * turn, so that a slow minute of the machine meets both. Prints the medians of the rounds as a
 * Markdown table, and writes it.
 *
 * <p>{@code CompareKernels [rounds] [threads] [file.md] [start of the names]}.
 */
public final class CompareKernels {
  /** What both took in one round, in ms. */
  private record Round(double gradus, double libtorch) {
    double ratio() {
      return libtorch / gradus;
    }
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 3;
    String threads = args.length > 1 ? args[1] : "" + Runtime.getRuntime().availableProcessors();
    Path file = Path.of(args.length > 2 ? args[2] : "benchmarks/rivals/libtorch/target/kernels.md");
    String table = table(measure(rounds, threads, args.length > 3 ? args[3] : ""));
    table +=
        "%n%s, %s threads, JDK %s, %s: medians of %d rounds of medians.%n"
            .formatted(
                Machine.processor(), threads, Runtime.version().feature(), LocalDate.now(), rounds);
    System.out.print(table);
    Files.writeString(file, table);
  }

  private static Map<String, List<Round>> measure(int rounds, String threads, String start)
      throws IOException, InterruptedException {
    Map<String, List<Round>> times = new LinkedHashMap<>();
    try (var gradus = new Answering(threads, GradusKernels.class);
        var libtorch = new Answering(threads, LibtorchKernels.class)) {
      for (int i = 1; i <= rounds; i++) {
        for (String call : KernelTimes.names(Machine.freeBytes())) {
          if (!call.startsWith(start)) {
            continue;
          }
          var round = new Round(gradus.ask(call), libtorch.ask(call));
          System.err.printf("round %d of %d: %s: %s%n", i, rounds, call, round);
          times.computeIfAbsent(call, key -> new ArrayList<>()).add(round);
        }
      }
    }
    return times;
  }

  private static String table(Map<String, List<Round>> times) {
    var text = new StringBuilder("| ms | Gradus | libtorch | libtorch / Gradus |\n");
    text.append("|---|---|---|---|\n");
    times.forEach(
        (call, rounds) ->
            text.append(
                String.format(
                    Locale.ROOT,
                    "| %s | %.2f | %.2f | %s |%n",
                    call,
                    Rounds.of(rounds, Round::gradus).median(),
                    Rounds.of(rounds, Round::libtorch).median(),
                    Rounds.of(rounds, Round::ratio))));
    return text.toString();
  }

  private CompareKernels() {}
}
