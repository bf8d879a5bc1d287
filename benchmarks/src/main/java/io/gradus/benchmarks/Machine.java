package io.gradus.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the system says of itself; Linux only. */
public final class Machine {

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
