package io.gradus.cli;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Standard output for lines that somebody reads as they come. */
final class Output {

  /** Nothing more can be written: it is time to stop. */
  static final class Closed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Closed() {
      super("output: cannot be written; is the disk full?");
    }

    /** Whether the reader went away, as {@code head} does, which is no failure to report. */
    boolean byReader() {
      return !Files.isRegularFile(Path.of("/dev/stdout"));
    }
  }

  private final PrintStream stream;

  Output(PrintStream stream) {
    this.stream = stream;
  }

  static Output standard() {
    return new Output(System.out);
  }

  /** Writes a line at once. */
  void line(String text) {
    write(text + System.lineSeparator());
  }

  void line(String format, Object... values) {
    line(Text.format(format, values));
  }

  /** Writes text at once, as it is. */
  void write(String text) {
    stream.print(text);
    // A PrintStream keeps a broken pipe to itself until it is asked.
    if (stream.checkError()) {
      throw new Closed();
    }
  }
}
