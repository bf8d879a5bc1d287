package io.gradus.report;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The whole lines of a log. What stands behind the last line end was cut within a line, though it
 * may look whole: {@code 0.3} of {@code 0.37}.
 */
final class LogLines implements AutoCloseable {

  private static final int MAX_BYTES = 1 << 20;

  private final InputStream in;
  private long number;
  private long bytes;

  LogLines(Path file) throws IOException {
    in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
  }

  /** The next line without its end; null behind the last one. */
  String next() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    number++;
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        return null;
      }
      if (line.size() == MAX_BYTES) {
        throw new IOException("it is longer than " + MAX_BYTES + " bytes");
      }
      line.write(c);
    }
    bytes += line.size() + 1;
    String text = line.toString(StandardCharsets.UTF_8);
    return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
  }

  /** The number of the line that was read last, from 1 on. */
  long number() {
    return number;
  }

  /** How many bytes the lines had that were read. */
  long bytes() {
    return bytes;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
