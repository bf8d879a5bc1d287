package io.gradus.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleSupplier;

/**
 * Measures training steps as {@code gradus bench} does, for everything that is compared with it:
 * the same options, the same workloads, the same JSON lines.
 */
public final class Throughput {
  private static final List<Integer> BATCHES = List.of(32, 64, 256);
  private static final double WINDOW_SECONDS = 0.02;
  private static final int FEWEST_WINDOWS = 3; // where a step takes a second
  private static final double LONGEST_WARM_UP = 1; // s

  /**
   * One step of a training.
   *
   * @param metric what is counted: samples/s or tokens/s
   * @param amount how many of them one step learns from
   * @param loss of the same batch, without a step
   */
  public record Step(String metric, int amount, Runnable run, DoubleSupplier loss) {}

  /** What is compared: it makes the step of a workload, from weights and a batch in a file. */
  @FunctionalInterface
  public interface Engine {
    Step step(String workload, Start start);
  }

  private int threads = Sizes.THREADS;
  private double seconds = 5;
  private int steps;
  private String workload = workload(BATCHES.get(0));
  private Path start;

  /**
   * Reads {@code --start FILE --workload NAME --threads N} and either {@code --seconds S}, to
   * measure, or {@code --steps N}, for the loss after so many.
   */
  public static Throughput parse(String... args) {
    var options = new Throughput();
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--threads" -> options.threads = Integer.parseInt(value(args, ++i));
        case "--seconds" -> options.seconds = Double.parseDouble(value(args, ++i));
        case "--steps" -> options.steps = Integer.parseInt(value(args, ++i));
        case "--workload" -> options.workload = value(args, ++i);
        case "--start" -> options.start = Path.of(value(args, ++i));
        default ->
            throw new IllegalArgumentException(
                "options: unknown: %s; use --threads, --seconds, --steps, --workload, --start"
                    .formatted(args[i]));
      }
    }
    if (options.start == null) {
      throw new IllegalArgumentException(
          "options: --start is missing: a file that gradus bench --save has written");
    }
    return options;
  }

  private static String value(String[] args, int i) {
    if (i == args.length) {
      throw new IllegalArgumentException("options: %s needs a value".formatted(args[i - 1]));
    }
    return args[i];
  }

  public int threads() {
    return threads;
  }

  /** Whether the losses are to be compared, so that nothing may be random. */
  public boolean checks() {
    return steps > 0;
  }

  /** Measures the workload, or takes its steps, and prints a line of JSON. */
  public void print(Engine engine) {
    Step step;
    try (Start from = Start.open(start)) {
      step = engine.step(workload, from);
    }
    System.out.println(checks() ? loss(step) : rates(step));
  }

  private String loss(Step step) {
    for (int i = 0; i < steps; i++) {
      step.run.run();
    }
    double loss = step.loss.getAsDouble();
    return "{\"workload\":\"%s\",\"steps\":%d,\"loss\":%s}".formatted(workload, steps, loss);
  }

  private String rates(Step step) {
    double[] rates = measure(step);
    return String.format(
        Locale.ROOT,
        "{\"workload\":\"%s\",\"metric\":\"%s\",\"median\":%.2f,\"p10\":%.2f,\"p90\":%.2f,"
            + "\"threads\":%d,\"peak_rss_mb\":%d}",
        workload,
        step.metric,
        quantile(rates, 0.5),
        quantile(rates, 0.1),
        quantile(rates, 0.9),
        threads,
        Machine.peakResidentMb());
  }

  private static String workload(int batch) {
    return "mlp_%d_%d_%d_b%d".formatted(Sizes.MLP_IN, Sizes.MLP_HIDDEN, Sizes.MLP_OUT, batch);
  }

  /** The batch size in the name of an MLP's workload. */
  public static int mlpBatch(String name) {
    return BATCHES.stream()
        .filter(batch -> workload(batch).equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException("workload: unknown or not for this engine: " + name));
  }

  /** What is learned in a second, window by window, after a warm-up. */
  private double[] measure(Step step) {
    double stepSeconds = warmUp(step.run);
    int steps = (int) Math.max(1, WINDOW_SECONDS / stepSeconds);
    var rates = new ArrayList<Double>();
    long end = System.nanoTime() + (long) (seconds * 1e9);
    for (long start = System.nanoTime(); start < end || rates.size() < FEWEST_WINDOWS; ) {
      for (int i = 0; i < steps; i++) {
        step.run.run();
      }
      long now = System.nanoTime();
      rates.add(step.amount * (double) steps / (now - start) * 1e9);
      start = now;
    }
    double[] sorted = rates.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return sorted;
  }

  /** Returns the time of a step near the end. */
  private double warmUp(Runnable step) {
    long end = System.nanoTime() + (long) (Math.min(LONGEST_WARM_UP, seconds * 0.5) * 1e9);
    long fastest = Long.MAX_VALUE;
    for (long start = System.nanoTime(); start < end; ) {
      step.run();
      long now = System.nanoTime();
      fastest = Math.min(fastest, now - start);
      start = now;
    }
    return fastest / 1e9;
  }

  private static double quantile(double[] sorted, double q) {
    return sorted[(int) Math.round(q * (sorted.length - 1))];
  }
}
