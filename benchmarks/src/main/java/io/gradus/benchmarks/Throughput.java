package io.gradus.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;

/**
 * Measures training steps as {@code gradus bench} does, for everything that is compared with it:
 * the same options, the same workloads, the same JSON lines.
 */
public final class Throughput {
  private static final List<Integer> BATCHES = List.of(32, 64, 256);
  private static final double WINDOW_SECONDS = 0.02;

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

  /** Measures every workload in turn: {@code stepOf} gives the training step of a batch size. */
  public void print(IntFunction<Runnable> stepOf) throws IOException {
    for (String name : workloads) {
      int batch = batch(name);
      double[] samples = measure(stepOf.apply(batch), batch);
      System.out.printf(
          Locale.ROOT,
          "{\"workload\":\"%s\",\"metric\":\"samples/s\",\"median\":%.0f,\"p10\":%.0f,\"p90\":%.0f,"
              + "\"threads\":%d,\"peak_rss_mb\":%d}%n",
          name,
          quantile(samples, 0.5),
          quantile(samples, 0.1),
          quantile(samples, 0.9),
          threads,
          peakRssMb());
    }
  }

  private static String workload(int batch) {
    return "mlp_%d_%d_%d_b%d".formatted(Sizes.MLP_IN, Sizes.MLP_HIDDEN, Sizes.MLP_OUT, batch);
  }

  private static int batch(String name) {
    return BATCHES.stream()
        .filter(batch -> workload(batch).equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "workload: unknown: %s; use one of %s"
                        .formatted(name, BATCHES.stream().map(Throughput::workload).toList())));
  }

  /** Samples a second, window by window, after a warm-up of half the time. */
  private double[] measure(Runnable step, int batch) {
    double stepSeconds = warmUp(step);
    int steps = (int) Math.max(1, WINDOW_SECONDS / stepSeconds);
    var samples = new ArrayList<Double>();
    long end = System.nanoTime() + (long) (seconds * 1e9);
    for (long start = System.nanoTime(); start < end; ) {
      for (int i = 0; i < steps; i++) {
        step.run();
      }
      long now = System.nanoTime();
      samples.add(batch * (double) steps / (now - start) * 1e9);
      start = now;
    }
    double[] sorted = samples.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return sorted;
  }

  /** Returns the time of a step near the end. */
  private double warmUp(Runnable step) {
    long end = System.nanoTime() + (long) (seconds * 0.5e9);
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
