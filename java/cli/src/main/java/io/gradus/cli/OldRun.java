package io.gradus.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Files of a run whose place another one takes. */
final class OldRun {

  private OldRun() {}

  /** Removes what would be mixed up with the next run's; files that are not of a run stay. */
  static void remove(RunFolder folder) throws IOException {
    for (Path file :
        List.of(folder.model(), folder.metrics(), folder.network(), folder.tokenizer())) {
      Files.deleteIfExists(file);
    }
    try (Stream<Path> files = Files.list(folder.path())) {
      for (Path file : files.filter(OldRun::isCheckpoint).toList()) {
        removeAll(file);
      }
    }
    Path logs = folder.path().resolve("logs");
    if (Files.isDirectory(logs)) {
      try (Stream<Path> files = Files.list(logs)) {
        for (Path file : files.toList()) {
          if (file.getFileName().toString().startsWith("events.out.tfevents")) {
            Files.delete(file);
          }
        }
      }
    }
  }

  private static boolean isCheckpoint(Path path) {
    return path.getFileName().toString().matches("checkpoint-\\d+") && Files.isDirectory(path);
  }

  private static void removeAll(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
