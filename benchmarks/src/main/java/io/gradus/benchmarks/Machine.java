package io.gradus.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.LongStream;

/** What the system says of itself; Linux only. */
public final class Machine {
  private static final int IDLE = 0;
  private static final int ALL = 1;

  public static String processor() {
    return field("/proc/cpuinfo", "model name");
  }

  public static double memoryBytes() {
    return kilobytes("/proc/meminfo", "MemTotal") * 1024.0;
  }

  public static double freeBytes() {
    return kilobytes("/proc/meminfo", "MemAvailable") * 1024.0;
  }

  /** The most memory that was resident at once in this process. */
  public static long peakResidentMb() {
    return kilobytes("/proc/self/status", "VmHWM") / 1024;
  }

  /** The share of all processors' time that was used while the calling thread slept. */
  public static double busy(long milliseconds) throws InterruptedException {
    long[] before = times();
    Thread.sleep(milliseconds);
    long[] after = times();
    return 1 - (after[IDLE] - before[IDLE]) / Math.max(1.0, after[ALL] - before[ALL]);
  }

  /** In ticks, since the machine was started. */
  private static long[] times() {
    long[] fields =
        Arrays.stream(field("/proc/stat", "cpu ").replaceFirst("cpu +", "").split(" "))
            .limit(8) // behind them stands what these count already
            .mapToLong(Long::parseLong)
            .toArray();
    return new long[] {fields[3] + fields[4], LongStream.of(fields).sum()};
  }

  private static long kilobytes(String file, String name) {
    return Long.parseLong(field(file, name).replaceAll("\\D", ""));
  }

  private static String field(String file, String name) {
    try {
      return Files.readAllLines(Path.of(file)).stream()
          .filter(line -> line.startsWith(name))
          .map(line -> line.replaceFirst(".*?:\\s*", ""))
          .findFirst()
          .orElseThrow(() -> new IOException("machine: no %s in %s".formatted(name, file)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Machine() {}
}
