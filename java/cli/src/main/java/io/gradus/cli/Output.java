package io.gradus.cli;

import java.io.PrintStream;

/** Standard output for lines that somebody reads as they come. */
final class Output {

  /** The reader went away, as {@code head} does: time to stop, and nothing to report. */
  static final class Closed extends RuntimeException {
    private static final long serialVersionUID = 1L;
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
