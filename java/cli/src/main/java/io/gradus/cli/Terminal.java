package io.gradus.cli;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;

/** What standard output is connected to. */
final class Terminal {

  private Terminal() {}

  /**
   * The width of the terminal that shows standard output; 0 where that is a file or a pipe, or
   * where lines cannot be rewritten.
   */
  static int columns() {
    String kind = System.getenv("TERM");
    if (kind == null || kind.equals("dumb")) {
      return 0;
    }
    // System.console() of JDK 17 also wants standard input to be a terminal, that of 22 is there
    // without one. stty knows, and knows the width as well; it asks about its standard input.
    try {
      Process stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(new File("/dev/stdout"))
              .redirectError(Redirect.DISCARD)
              .start();
      String size = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      return columns(size);
    } catch (IOException e) {
      return 0; // no stty, no terminal that we know how to write to
    }
  }

  /** The second number of {@code 24 80}; 80 where a terminal does not know its width. */
  static int columns(String size) {
    String[] numbers = size.trim().split(" ");
    if (numbers.length != 2) {
      return 0;
    }
    int columns = Integer.parseInt(numbers[1]);
    return columns == 0 ? 80 : columns;
  }

  /** Whether it shows more than ASCII. */
  static boolean isUnicode() {
    return "UTF-8".equalsIgnoreCase(System.getProperty("native.encoding"));
  }
}
