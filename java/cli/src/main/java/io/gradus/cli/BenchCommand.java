package io.gradus.cli;

import io.gradus.tensor.Device;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalDouble;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code gradus bench}: how fast this machine trains. */
@Command(
    name = "bench",
    description = {
      "Measures training throughput on this machine: the median, and the 10th and 90th percentile,"
          + " over windows of 50 ms.",
      "mlp_784_256_10_bN trains an MLP with 784 inputs, 256 hidden ReLUs and 10 classes on batches"
          + " of N random samples: fresh gradients, forward, cross-entropy, backward, SGD step."
    })
final class BenchCommand implements Runnable {

  private static final String METRIC = "samples/s";
  private static final double MAX_WARM_UP = 1; // s; enough for the JVM to compile the step

  /** For the help. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Workloads.names().iterator();
    }
  }

  @Spec private CommandSpec spec;

  @Option(
      names = "--workload",
      split = ",",
      paramLabel = "NAME",
      completionCandidates = Names.class,
      description = "What to measure: ${COMPLETION-CANDIDATES}. Default: all.")
  private List<String> names = Workloads.names();

  @Option(
      names = "--seconds",
      paramLabel = "S",
      description =
          "How long to measure each workload, after half as long, at most 1 s, to warm up."
              + " Default: ${DEFAULT-VALUE}.")
  private double seconds = 5;

  @Mixin private ThreadsOption threads;

  @Option(names = "--json", description = "Write one JSON line for each workload.")
  private boolean json;

  @Override
  public void run() {
    check();
    threads.apply();
    Output out = Output.standard();
    if (!json) {
      out.line(
          "%-22s %12s %12s %12s  %-9s %7s %12s",
          "workload", "median", "p10", "p90", "metric", "threads", "peak RSS MB");
    }
    for (String name : names) {
      ResidentMemory.resetPeak();
      Workload workload = Workloads.create(name);
      Throughput rate = Throughput.measure(workload, Math.min(MAX_WARM_UP, seconds / 2), seconds);
      OptionalDouble peak = ResidentMemory.peakMb();
      out.line(json ? jsonLine(name, rate, peak) : row(name, rate, peak));
    }
  }

  private void check() {
    for (String name : names) {
      if (!Workloads.contains(name)) {
        throw new ParameterException(
            spec.commandLine(),
            "--workload: there is none of this name: "
                + name
                + "; supported are "
                + String.join(", ", Workloads.names()));
      }
    }
    if (!(seconds > 0 && seconds <= 86_400)) {
      throw new ParameterException(
          spec.commandLine(), "--seconds: must be positive and at most 86400: " + seconds);
    }
  }

  private static String jsonLine(String name, Throughput rate, OptionalDouble peak) {
    return new Json()
        .put("workload", name)
        .put("metric", METRIC)
        .put("median", rate.median(), 1)
        .put("p10", rate.p10(), 1)
        .put("p90", rate.p90(), 1)
        .put("threads", Device.best().threads())
        .put("peak_rss_mb", peak.orElse(Double.NaN), 1)
        .toString();
  }

  private static String row(String name, Throughput rate, OptionalDouble peak) {
    return Text.format(
        "%-22s %,12.0f %,12.0f %,12.0f  %-9s %7d %12s",
        name,
        rate.median(),
        rate.p10(),
        rate.p90(),
        METRIC,
        Device.best().threads(),
        peak.isPresent() ? Text.format("%.1f", peak.getAsDouble()) : "unknown");
  }
}
