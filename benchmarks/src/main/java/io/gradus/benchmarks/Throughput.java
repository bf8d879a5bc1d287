package io.gradus.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

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
   */
  public record Step(String metric, int amount, Runnable run) {}

  private int threads = Sizes.THREADS;
  private double seconds = 5;
  private List<String> workloads = BATCHES.stream().map(Throughput::workload).toList();

  /** Reads {@code --threads N --seconds S --workload NAME,...}. */
  public static Throughput parse(String... args) {
    var options = new Throughput();
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--threads" -> options.threads = Integer.parseInt(value(args, ++i));
        case "--seconds" -> options.seconds = Double.parseDouble(value(args, ++i));
        case "--workload" -> options.workloads = List.of(value(args, ++i).split(","));
        default ->
            throw new IllegalArgumentException(
                "options: unknown: %s; use --threads, --seconds, --workload".formatted(args[i]));
      }
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

  /** Measures every workload in turn: {@code stepOf} gives the training step of its name. */
  public void print(Function<String, Step> stepOf) throws IOException {
    for (String name : workloads) {
      Step step = stepOf.apply(name);
      double[] rates = measure(step);
      System.out.printf(
          Locale.ROOT,
          "{\"workload\":\"%s\",\"metric\":\"%s\",\"median\":%.2f,\"p10\":%.2f,\"p90\":%.2f,"
              + "\"threads\":%d,\"peak_rss_mb\":%d}%n",
          name,
          step.metric,
          quantile(rates, 0.5),
          quantile(rates, 0.1),
          quantile(rates, 0.9),
          threads,
          peakRssMb());
    }
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

  private static long peakRssMb() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
      }
    }
    return 0;
  }
}
