package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * Training steps of Gradus and of other engines, beside what the machine could do at most.
 *
 * <p>First each engine takes the same steps from the same weights and data, and must come to the
 * same loss. Then they are measured in turn, each time in a JVM of its own, so that a slow minute
 * of the machine meets all of them. {@link Options} says what can be chosen.
 */
public final class Compare {
  private static final String STEPS = "20";
  private static final long LISTEN_MS = 200;

  private final Options options;
  private final Path starts;
  private final Report report;

  private Compare(Options options, Path starts) {
    this.options = options;
    this.starts = starts;
    this.report = new Report(options);
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    Path target = Files.createDirectories(Path.of("target"));
    delete(target.resolve("natives"));
    Path starts = Files.createTempDirectory(target, "starts");
    try {
      var compare = new Compare(Options.parse(args), starts);
      compare.checkLosses();
      compare.measure();
      compare.write();
    } finally {
      delete(starts);
    }
  }

  /** Gradus comes first, and writes what the others start from. */
  private void checkLosses() throws IOException, InterruptedException {
    for (Workload workload : options.workloads()) {
      Path start = starts.resolve(workload.name());
      loss(Engine.GRADUS, workload, "--json", "--save", start.toString());
      for (Engine engine : options.engines()) {
        if (engine != Engine.GRADUS && engine.has(workload)) {
          loss(engine, workload, "--start", start.toString());
        }
      }
    }
  }

  private void loss(Engine engine, Workload workload, String... more)
      throws IOException, InterruptedException {
    Result result = report.result(workload, engine);
    try {
      var arguments = new ArrayList<>(List.of("--steps", STEPS));
      arguments.addAll(List.of(more));
      result.loss(Double.parseDouble(run(engine, workload, arguments).get("loss")));
      say("%s: %s: loss %s".formatted(workload.name(), engine.title(), result.loss()));
    } catch (IOException e) {
      if (engine == Engine.GRADUS) {
        throw e;
      }
      result.fail(e.getMessage());
      say(e.getMessage());
    }
  }

  private void measure() throws IOException, InterruptedException {
    for (int round = 1; round <= options.rounds(); round++) {
      report.add(Peaks.measure(1));
      report.add(Peaks.measure(options.threads()));
      for (Workload workload : options.workloads()) {
        for (Engine engine : turn(round)) {
          if (engine.has(workload)) {
            measure(round, workload, engine);
          }
        }
      }
    }
  }

  /** Each engine is the first in one of the rounds. */
  private List<Engine> turn(int round) {
    List<Engine> engines = new ArrayList<>(options.engines());
    Collections.rotate(engines, 1 - round);
    return engines;
  }

  private void measure(int round, Workload workload, Engine engine) throws InterruptedException {
    Result result = report.result(workload, engine);
    if (result.failure() != null) {
      return;
    }
    try {
      var arguments = new ArrayList<>(List.of("--seconds", Double.toString(options.seconds())));
      arguments.addAll(
          engine == Engine.GRADUS
              ? List.of("--json")
              : List.of("--start", starts.resolve(workload.name()).toString()));
      report.addBusy(Machine.busy(LISTEN_MS));
      Result.Run run = Result.Run.of(run(engine, workload, arguments));
      result.add(run);
      say("round %d: %s: %s: %s".formatted(round, workload.name(), engine.title(), run));
    } catch (IOException e) {
      result.fail(e.getMessage());
      say(e.getMessage());
    }
  }

  private Map<String, String> run(Engine engine, Workload workload, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = engine.command();
    command.addAll(List.of("--workload", workload.name()));
    command.addAll(List.of("--threads", Integer.toString(options.threads())));
    command.addAll(arguments);
    return Child.run(command, engine.environment(options.threads()));
  }

  private void write() throws IOException {
    String table = new MarkdownReport(report).toString();
    System.out.print(table);
    Files.writeString(Path.of(options.output() + ".md"), table);
    Files.writeString(Path.of(options.output() + ".json"), JsonReport.of(report));
  }

  private static void say(String message) {
    System.err.println(message);
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (var paths = Files.walk(folder)) {
        for (Path path : paths.sorted(Collections.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }
}
