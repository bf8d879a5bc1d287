package io.gradus.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Files of a run whose place another one takes. */
final class OldRun {

  private OldRun() {}

  /**
   * Removes logs and weights, with which those of the next run would be mixed up; checkpoints are
   * left to the trainer, and what is not of a run is left alone.
   */
  static void remove(RunFolder folder) throws IOException {
    for (Path file :
        List.of(folder.model(), folder.metrics(), folder.network(), folder.tokenizer())) {
      Files.deleteIfExists(file);
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
}
