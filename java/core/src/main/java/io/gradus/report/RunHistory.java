package io.gradus.report;

import io.gradus.data.InputFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The scalars of a run, read from what a {@link RunLog} wrote.
 *
 * <pre>{@code
 * Series loss = RunHistory.read(Path.of("runs/first")).series("train/loss");
 * }</pre>
 *
 * <p>It reads TensorBoard's event files, comma-separated values and JSON Lines. A log that is still
 * written, or whose run was killed within a line, is read as far as it is whole. Where a run went
 * on from an earlier step, the values written later hold.
 */
public final class RunHistory {

  private static final String EVENTS = "tfevents";

  private final Map<String, Series> series;

  RunHistory(Map<String, Series> series) {
    this.series = series;
  }

  /**
   * Reads a log.
   *
   * @param path an event file, a CSV file or a file of JSON Lines; or a folder with event files,
   *     which are one run, or with one file of the others
   * @throws IOException where there is none, or it is broken elsewhere than at its end
   */
  public static RunHistory read(Path path) throws IOException {
    ScalarReader reader = new ScalarReader();
    for (Path file : Files.isDirectory(path) ? files(path) : List.of(path)) {
      InputFile.check("log", file);
      if (file.getFileName().toString().contains(EVENTS)) {
        reader.events(file);
      } else if (firstByte(file) == '{') {
        reader.jsonLines(file);
      } else {
        reader.csv(file);
      }
    }
    return new RunHistory(reader.series());
  }

  private static int firstByte(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return in.read();
    }
  }

  private static List<Path> files(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files = all.filter(Files::isRegularFile).sorted().toList();
    }
    List<Path> events = files.stream().filter(file -> name(file).contains(EVENTS)).toList();
    if (!events.isEmpty()) {
      return events;
    }
    List<Path> others =
        files.stream().filter(file -> name(file).matches(".*\\.(csv|jsonl)")).toList();
    if (others.size() == 1) {
      return others;
    }
    String seen =
        others.isEmpty()
            ? "no event file, no .csv and no .jsonl"
            : others.stream().map(RunHistory::name).collect(Collectors.joining(", "));
    throw new IOException(
        "log: a folder must have event files or one log: "
            + folder
            + " has "
            + seen
            + "; name the file");
  }

  private static String name(Path file) {
    return file.getFileName().toString();
  }

  /** What was measured, in the order in which the names appeared. */
  public Set<String> names() {
    return series.keySet();
  }

  /**
   * What was measured under a name.
   *
   * @throws IllegalArgumentException where there is no such name
   */
  public Series series(String name) {
    Series found = series.get(name);
    if (found == null) {
      throw new IllegalArgumentException(
          "log: nothing was measured under this name: " + name + "; there are " + names());
    }
    return found;
  }
}
