package io.gradus.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The lines of a text file in UTF-8, each read when it is asked for. A line ends with {@code \n} or
 * {@code \r\n}, the last one also with the file.
 */
public final class TextLines implements Records<String> {

  private static final int MAX_LINE = 1 << 26; // bytes
  private static final int CHUNK = 1 << 16;

  private final String reader; // what messages begin with
  private final Path file;
  private final FileChannel channel;
  private final long[] starts; // of each line, and the end

  private TextLines(String reader, Path file, FileChannel channel, long[] starts) {
    this.reader = reader;
    this.file = file;
    this.channel = channel;
    this.starts = starts;
  }

  /**
   * Opens a file and goes through it once, to see where its lines are.
   *
   * @throws IOException where it cannot be read or a line is longer than 64 MiB
   */
  public static TextLines open(Path file) throws IOException {
    return open("lines", file);
  }

  static TextLines open(String reader, Path file) throws IOException {
    InputFile.check(reader, file);
    FileChannel channel = FileChannel.open(file);
    try {
      return new TextLines(reader, file, channel, starts(reader, file, channel));
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** All lines of a file. */
  public static List<String> read(Path file) throws IOException {
    try (TextLines lines = open(file)) {
      List<String> all = new ArrayList<>();
      for (long i = 0; i < lines.size(); i++) {
        all.add(lines.get(i));
      }
      return all;
    }
  }

  private static long[] starts(String reader, Path file, FileChannel channel) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
    long[] starts = new long[1 << 10];
    int lines = 0; // that have ended
    long at = 0;
    while (channel.read(chunk.clear(), at) > 0) {
      chunk.flip();
      if (at == 0 && chunk.limit() > 1 && chunk.get(0) == 0x1f && (chunk.get(1) & 0xff) == 0x8b) {
        throw new IOException(reader + ": gzipped: " + file + "; unpack it first");
      }
      for (int i = 0; i < chunk.limit(); i++) {
        if (chunk.get(i) == '\n') {
          lines++;
          if (lines + 1 == starts.length) {
            starts = Arrays.copyOf(starts, Math.addExact(lines, lines + (lines >> 1)));
          }
          starts[lines] = at + i + 1;
          checkLength(reader, file, lines, starts[lines] - starts[lines - 1]);
        }
      }
      at += chunk.limit();
      checkLength(reader, file, lines + 1, at - starts[lines]);
    }
    if (at > starts[lines]) {
      starts[++lines] = at; // a line that ends with the file
    }
    return Arrays.copyOf(starts, lines + 1);
  }

  private static void checkLength(String reader, Path file, int line, long bytes)
      throws IOException {
    if (bytes > MAX_LINE) {
      throw new IOException(
          reader + ": line too long: line " + line + " of " + file + " has more than 64 MiB");
    }
  }

  @Override
  public long size() {
    return starts.length - 1;
  }

  /** A line by its number from 0 on, without its end. */
  @Override
  public String get(long number) throws IOException {
    Index.check(number, size());
    long from = starts[(int) number];
    ByteBuffer line = ByteBuffer.allocate((int) (starts[(int) number + 1] - from));
    while (line.hasRemaining()) {
      if (channel.read(line, from + line.position()) < 0) {
        throw error(number, "the file was cut since it was opened", null);
      }
    }
    line.flip();
    int end = line.limit();
    if (end > 0 && line.get(end - 1) == '\n') {
      end--;
      if (end > 0 && line.get(end - 1) == '\r') {
        end--;
      }
    }
    try {
      String text = InputFile.utf8().decode(line.limit(end)).toString();
      return number == 0 && text.startsWith("\ufeff") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw error(number, "not UTF-8; convert the file", e);
    }
  }

  IOException error(long number, String what, Exception cause) {
    return new IOException(
        reader + ": cannot read line " + (number + 1) + " of " + file + ": " + what, cause);
  }

  Path file() {
    return file;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
