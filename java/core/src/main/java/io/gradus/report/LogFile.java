package io.gradus.report;

import io.gradus.data.InputFile;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A file that grows by whole entries. Each is handed to the system in one write, so that a killed
 * run loses nothing that was logged, and an entry that cannot be written is taken back.
 */
final class LogFile implements AutoCloseable {

  private final String writer; // begins the messages
  private final Path path;

  /** Not a channel, which the interruption of a thread would close. Null when closed. */
  private RandomAccessFile out;

  private LogFile(String writer, Path path) throws IOException {
    this.writer = writer;
    this.path = path;
    this.out = open();
  }

  private RandomAccessFile open() throws IOException {
    try {
      return new RandomAccessFile(path.toFile(), "rw");
    } catch (IOException e) {
      throw new IOException(writer + ": cannot be opened: " + path + ": " + e.getMessage(), e);
    }
  }

  /** A file that must not be there yet, in a folder that may be missing. */
  static LogFile create(String writer, Path path) throws IOException {
    makeFolder(path);
    Files.createFile(path);
    return new LogFile(writer, path);
  }

  private static void makeFolder(Path path) throws IOException {
    Path folder = path.toAbsolutePath().getParent();
    if (folder != null && !Files.isDirectory(folder)) {
      Files.createDirectories(folder);
    }
  }

  /**
   * A file of lines, new or to be gone on with; half a line that a killed run left is cut off.
   *
   * @param begin what such a file begins with, so that no other is changed by mistake
   */
  static LogFile lines(String writer, Path path, String begin) throws IOException {
    makeFolder(path);
    if (!Files.exists(path)) {
      return new LogFile(writer, path);
    }
    InputFile.check(writer, path);
    LogFile log = new LogFile(writer, path);
    try {
      log.checkBegin(begin.getBytes(StandardCharsets.UTF_8));
      log.cutHalfLine();
      return log;
    } catch (IOException e) {
      log.close();
      throw e;
    }
  }

  private void checkBegin(byte[] begin) throws IOException {
    byte[] seen = new byte[(int) Math.min(begin.length, out.length())];
    out.readFully(seen);
    if (!Arrays.equals(seen, Arrays.copyOf(begin, seen.length))) {
      throw new IOException(
          writer
              + ": not such a log: "
              + path
              + " does not begin with "
              + new String(begin, StandardCharsets.UTF_8)
              + "; name another file");
    }
  }

  private void cutHalfLine() throws IOException {
    byte[] chunk = new byte[1 << 16];
    for (long end = out.length(); end > 0; end -= chunk.length) {
      int n = (int) Math.min(chunk.length, end);
      out.seek(end - n);
      out.readFully(chunk, 0, n);
      for (int i = n - 1; i >= 0; i--) {
        if (chunk[i] == '\n') {
          out.setLength(end - n + i + 1);
          return;
        }
      }
    }
    out.setLength(0);
  }

  boolean isEmpty() throws IOException {
    return out.length() == 0;
  }

  Path path() {
    return path;
  }

  void write(String text) throws IOException {
    write(text.getBytes(StandardCharsets.UTF_8));
  }

  void write(byte[] entry) throws IOException {
    checkOpen();
    long before = out.length();
    try {
      out.seek(before);
      out.write(entry);
    } catch (IOException e) {
      out.setLength(before);
      throw new IOException(writer + ": writing failed: " + path + ": " + e.getMessage(), e);
    }
  }

  void checkOpen() throws IOException {
    if (out == null) {
      throw new IOException(writer + ": it is closed: " + path);
    }
  }

  /** Goes on in the file that stands there now: another one was put in its place. */
  void reopen() throws IOException {
    close();
    out = open();
  }

  @Override
  public void close() throws IOException {
    if (out != null) {
      RandomAccessFile open = out;
      out = null;
      open.close();
    }
  }
}
