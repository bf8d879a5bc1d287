package io.gradus.report;

import io.gradus.data.InputFile;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/**
 * Reads event files of TensorBoard: those of {@link TensorBoardLog}, of PyTorch's {@code
 * SummaryWriter} and the scalars, histograms and texts of TensorFlow's.
 *
 * <p>Checksums are verified. A file of a run that still writes it, or was killed, may end within an
 * event; what is whole is read.
 */
public final class TensorBoardReader {

  /** An event that is longer has a picture or a graph in it, and is checked but not looked at. */
  private static final int MAX_BYTES = 1 << 24;

  /**
   * What was written at a step under a name: one of three kinds, and the others null.
   *
   * @param wallTime when, in seconds since 1970
   */
  public record Value(
      double wallTime, long step, String name, Double scalar, Histogram histogram, String text) {}

  private final Path file;
  private final long size;
  private final DataInputStream in;
  private final Consumer<Value> to;
  private long at; // the begin of a record

  private TensorBoardReader(Path file, DataInputStream in, Consumer<Value> to) throws IOException {
    this.file = file;
    this.size = Files.size(file);
    this.in = in;
    this.to = to;
  }

  /**
   * Reads an event file, value by value in the order in which they were written.
   *
   * @throws IOException where there is no such file, or it is broken elsewhere than at its end
   */
  public static void read(Path file, Consumer<Value> to) throws IOException {
    InputFile.check("tensorBoard", file);
    try (InputStream bytes = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      new TensorBoardReader(file, new DataInputStream(bytes), to).readAll();
    }
  }

  private void readAll() throws IOException {
    byte[] head = new byte[12];
    // What the file has now is enough: one that grows meanwhile would never end.
    while (at + head.length <= size) {
      try {
        in.readFully(head);
        long length = length(head);
        if (length > size - at - 16) {
          return; // cut within the event
        }
        readEvent(length);
        at += length + 16;
      } catch (EOFException e) {
        return; // cut while it was read
      }
    }
  }

  private long length(byte[] head) throws IOException {
    CRC32C crc = new CRC32C();
    crc.update(head, 0, Long.BYTES);
    ByteBuffer fields = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
    if (fields.getInt(Long.BYTES) != TensorBoardLog.masked(crc)) {
      throw broken(at == 0 ? "this is no event file" : "the checksum of a length is wrong", null);
    }
    long length = fields.getLong(0);
    if (length < 0) {
      throw broken("it claims a length of " + length, null);
    }
    return length;
  }

  private void readEvent(long length) throws IOException {
    CRC32C crc = new CRC32C();
    byte[] event = new byte[(int) Math.min(length, MAX_BYTES)];
    for (long left = length; left > 0; left -= event.length) {
      int n = (int) Math.min(left, event.length);
      in.readFully(event, 0, n);
      crc.update(event, 0, n);
    }
    if (Integer.reverseBytes(in.readInt()) != TensorBoardLog.masked(crc)) {
      throw broken("the checksum of an event is wrong", null);
    }
    if (length <= MAX_BYTES) {
      try {
        TensorBoardEvents.read(new ProtoReader(event), to);
      } catch (IOException e) {
        throw broken(e.getMessage(), e);
      }
    }
  }

  private IOException broken(String what, IOException cause) {
    return new IOException(
        "tensorBoard: broken event file: " + file + ": at byte " + at + ": " + what, cause);
  }
}
