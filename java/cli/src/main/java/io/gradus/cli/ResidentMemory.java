package io.gradus.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/** What the system says about this process's memory; Linux only, elsewhere it is unknown. */
final class ResidentMemory {

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR_REFS = Path.of("/proc/self/clear_refs");

  private ResidentMemory() {}

  /** The most memory that was resident at once since the last {@link #resetPeak()}, in MiB. */
  static OptionalDouble peakMb() {
    return mb("VmHWM:");
  }

  /** The memory that is resident, in MiB. */
  static OptionalDouble mb() {
    return mb("VmRSS:");
  }

  private static OptionalDouble mb(String field) {
    try (Stream<String> lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.startsWith(field))
          .mapToDouble(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024.0)
          .findFirst();
    } catch (IOException e) {
      return OptionalDouble.empty();
    }
  }

  /** Starts a new peak, so that a workload does not answer for the one before it. */
  static void resetPeak() {
    try {
      Files.writeString(CLEAR_REFS, "5");
    } catch (IOException e) {
      // Without this file, as in some containers, the peak is that of the whole process.
    }
  }
}
