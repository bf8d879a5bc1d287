package io.gradus.cli;

import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
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
      "Measures throughput on this machine: the median, and the 10th and 90th percentile, over"
          + " windows of 50 ms or of one step, and the most memory that was resident. MFU is the"
          + " share of the fastest matrix product's rate that a GPT's step takes.",
      "A step of training is: fresh gradients, forward, cross-entropy, backward, and the step of"
          + " the optimizer, on one batch of random data.",
      "mlp_784_256_10_bN: an MLP with 784 inputs, 256 hidden ReLUs and 10 classes, SGD, N samples.",
      "gpt2_bN_tM: GPT-2 with 124 million parameters, AdamW, N rows of M tokens; with activations"
          + " in BF16 where the name says so, which is for GPUs."
          + " shakespeare_bN_tM: 6 layers of width 384 for 65 characters.",
      "minilm_bN_sM, bertbase_bN_sM: encoders with a head of 2 classes, AdamW, N samples of M"
          + " tokens; without dropout unless the name says so.",
      "generate_gpt2: 64 tokens behind a prompt of 16, one after the other, by the same GPT-2."
    })
final class BenchCommand implements Runnable {

  private static final String ALL = "all";
  private static final int LOOKS = 20;
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
      description =
          "What to measure: ${COMPLETION-CANDIDATES}; or all. Default: all but gpt2 and bertbase,"
              + " which want up to 4 GiB.")
  private List<String> names = Workloads.small();

  @Option(
      names = "--seconds",
      paramLabel = "S",
      description =
          "How long to measure each workload, after half as long, at most 1 s, to warm up."
              + " Default: ${DEFAULT-VALUE}.")
  private double seconds = 5;

  @Mixin private DeviceOption device;

  @Mixin private ThreadsOption threads;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Instead of measuring, take this many steps, without dropout, and write the loss of the"
              + " batch after them: for comparison with other engines.")
  private int steps;

  @Option(
      names = "--save",
      paramLabel = "FILE",
      description =
          "With --steps, write the parameters and the batch that they start from as safetensors.")
  private Path save;

  @Option(names = "--json", description = "Write one JSON line for each workload.")
  private boolean json;

  @Override
  public void run() {
    check();
    device.check();
    threads.apply();
    Device there = device.get();
    Output out = Output.standard();
    if (steps > 0) {
      out.line(loss(names.get(0), there));
      return;
    }
    if (!json) {
      out.line(
          "%-23s %12s %12s %12s  %-9s %7s %12s %5s",
          "workload", "median", "p10", "p90", "metric", "threads", "peak RSS MB", "MFU");
    }
    for (String name : names.equals(List.of(ALL)) ? Workloads.names(there) : names) {
      out.line(measure(name, there));
      free(there);
    }
  }

  /** What other engines have to agree with. */
  private String loss(String name, Device device) {
    Workload workload = Workloads.create(name, device);
    Workload.Training training = workload.training();
    if (training == null) {
      throw invalid("--steps: it does not train: " + name);
    }
    if (save != null) {
      save(training);
    }
    training.model().eval();
    for (int i = 0; i < steps; i++) {
      workload.step().run();
    }
    double loss = training.value();
    return json
        ? new Json().put("workload", name).put("steps", steps).put("loss", loss).toString()
        : Text.format("%s: loss %.6f after %d steps", name, loss, steps);
  }

  private void save(Workload.Training training) {
    try {
      training.save(save);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** In a method of its own, after which nothing refers to the workload any more. */
  private String measure(String name, Device device) {
    ResidentMemory.resetPeak();
    Workload workload = Workloads.create(name, device);
    Throughput rate = Throughput.measure(workload, Math.min(MAX_WARM_UP, seconds / 2), seconds);
    OptionalDouble peak = ResidentMemory.peakMb();
    return json ? jsonLine(name, workload, rate, peak) : row(name, workload, rate, peak);
  }

  /** Gives the memory of one workload back before the next one is measured. */
  private static void free(Device device) {
    System.gc();
    // What the collector found is told to us bit by bit, and freed when the next tensor is made.
    for (int i = 0; i < LOOKS; i++) {
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      Tensor.of(new int[1]).to(device).close();
    }
    device.trim();
  }

  private void check() {
    for (String name : names) {
      if (!Workloads.contains(name) && !names.equals(List.of(ALL))) {
        throw invalid(
            "--workload: there is none of this name: "
                + name
                + "; supported are "
                + String.join(", ", Workloads.names()));
      }
    }
    if (!(seconds > 0 && seconds <= 86_400)) {
      throw invalid("--seconds: must be positive and at most 86400: " + seconds);
    }
    if (steps < 0) {
      throw invalid("--steps: must not be negative: " + steps);
    }
    if (steps > 0 && (names.size() != 1 || names.contains(ALL))) {
      throw invalid("--steps: takes one workload: " + String.join(",", names));
    }
    if (save != null && steps == 0) {
      throw invalid("--save: needs --steps: " + save);
    }
  }

  private ParameterException invalid(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private static String jsonLine(
      String name, Workload workload, Throughput rate, OptionalDouble peak) {
    return new Json()
        .put("workload", name)
        .put("metric", workload.metric())
        .put("median", rate.median(), 2)
        .put("p10", rate.p10(), 2)
        .put("p90", rate.p90(), 2)
        .put("device", workload.device().toString())
        .put("threads", workload.device().threads())
        .put("peak_rss_mb", peak.orElse(Double.NaN), 1)
        .put("mfu", workload.mfu(rate.median()), 4)
        .toString();
  }

  private static String row(String name, Workload workload, Throughput rate, OptionalDouble peak) {
    return Text.format(
        "%-23s %12s %12s %12s  %-9s %7d %12s %5s",
        name,
        figure(rate.median()),
        figure(rate.p10()),
        figure(rate.p90()),
        workload.metric(),
        workload.device().threads(),
        peak.isPresent() ? Text.format("%.1f", peak.getAsDouble()) : "unknown",
        share(workload.mfu(rate.median())));
  }

  private static String share(double mfu) {
    return Double.isNaN(mfu) ? "-" : Text.format("%.0f%%", 100 * mfu);
  }

  /** Three digits at least: a large model learns from few samples a second. */
  private static String figure(double rate) {
    return Text.format(rate < 10 ? "%.2f" : rate < 100 ? "%.1f" : "%,.0f", rate);
  }
}
