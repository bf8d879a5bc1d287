package io.gradus.report;

import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Writes a run for TensorBoard: scalars, histograms and texts, in an event file of its own.
 *
 * <pre>{@code
 * try (TensorBoardLog log = new TensorBoardLog(Path.of("runs/first"))) {
 *   log.scalars(step, Map.of("train/loss", loss, "train/accuracy", accuracy));
 *   log.histogram(step, "0.weight", weight);
 * }
 * // tensorboard --logdir runs
 * }</pre>
 *
 * <p>A run is a folder; one that goes on later has several files in it, which TensorBoard joins.
 * Scalars are written in single precision, as PyTorch's {@code SummaryWriter} does. Each call hands
 * what it writes to the system at once, so that TensorBoard sees it, and a killed run has it.
 */
public final class TensorBoardLog implements RunLog {

  private static final int STRING = 7; // TensorFlow's DataType

  private final LogFile file;

  /**
   * Begins an event file in a folder, which is made where it is missing.
   *
   * @throws IOException where that fails
   */
  public TensorBoardLog(Path folder) throws IOException {
    file = create(folder);
    try {
      // The version of the format, which readers want to see first.
      file.write(record(event(0).text(TensorBoardFields.FILE_VERSION, "brain.Event:2")));
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /** Named by its time, since TensorBoard reads the files of a folder in the order of names. */
  private static LogFile create(Path folder) throws IOException {
    long seconds = System.currentTimeMillis() / 1000;
    long process = ProcessHandle.current().pid();
    for (int i = 0; ; i++) {
      String name =
          String.format(Locale.ROOT, "events.out.tfevents.%010d.gradus.%d.%d", seconds, process, i);
      try {
        return LogFile.create("tensorBoard", folder.resolve(name));
      } catch (FileAlreadyExistsException e) {
        if (!folder.resolve(name).equals(Path.of(e.getFile()))) {
          throw new IOException("tensorBoard: not a folder: " + e.getFile(), e);
        }
      }
    }
  }

  /** The event file. */
  public Path file() {
    return file.path();
  }

  @Override
  public void scalars(long step, Map<String, Double> values) throws IOException {
    ScalarNames.check("tensorBoard", values.keySet());
    if (values.isEmpty()) {
      return;
    }
    ProtoWriter summary = new ProtoWriter();
    values.forEach(
        (name, value) ->
            summary.message(
                TensorBoardFields.VALUE,
                value(name).float32(TensorBoardFields.SIMPLE_VALUE, value.floatValue())));
    write(step, summary);
  }

  /**
   * Writes how the elements of a tensor are spread, in TensorBoard's buckets.
   *
   * @param values floating, of any shape; elements that are not finite are left out
   */
  @Override
  public void histogram(long step, String name, Tensor values) throws IOException {
    ScalarNames.check("tensorBoard", name);
    Histogram h = Histogram.of(values);
    ProtoWriter histogram =
        new ProtoWriter()
            .float64(TensorBoardFields.MIN, h.min())
            .float64(TensorBoardFields.MAX, h.max())
            .float64(TensorBoardFields.NUM, h.count())
            .float64(TensorBoardFields.SUM, h.sum())
            .float64(TensorBoardFields.SUM_SQUARES, h.sumSquares())
            .float64s(TensorBoardFields.BUCKET_LIMIT, h.limits())
            .float64s(TensorBoardFields.BUCKET, h.counts());
    write(
        step,
        new ProtoWriter()
            .message(
                TensorBoardFields.VALUE, value(name).message(TensorBoardFields.HISTO, histogram)));
  }

  /** Writes a text, which TensorBoard shows as Markdown. */
  @Override
  public void text(long step, String name, String text) throws IOException {
    ScalarNames.check("tensorBoard", name);
    ProtoWriter plugin = new ProtoWriter().text(TensorBoardFields.PLUGIN_NAME, "text");
    ProtoWriter one = new ProtoWriter().int64(TensorBoardFields.DIM_SIZE, 1);
    ProtoWriter tensor =
        new ProtoWriter()
            .int64(TensorBoardFields.DTYPE, STRING)
            .message(
                TensorBoardFields.TENSOR_SHAPE,
                new ProtoWriter().message(TensorBoardFields.DIM, one))
            .text(TensorBoardFields.STRING_VAL, text);
    write(
        step,
        new ProtoWriter()
            .message(
                TensorBoardFields.VALUE,
                value(name)
                    .message(
                        TensorBoardFields.METADATA,
                        new ProtoWriter().message(TensorBoardFields.PLUGIN_DATA, plugin))
                    .message(TensorBoardFields.TENSOR, tensor)));
  }

  private static ProtoWriter value(String name) {
    return new ProtoWriter().text(TensorBoardFields.TAG, name);
  }

  private void write(long step, ProtoWriter summary) throws IOException {
    file.write(record(event(step).message(TensorBoardFields.SUMMARY, summary)));
  }

  private static ProtoWriter event(long step) {
    return new ProtoWriter()
        .float64(TensorBoardFields.WALL_TIME, System.currentTimeMillis() / 1e3)
        .int64(TensorBoardFields.STEP, step);
  }

  /** Length, its checksum, the event, its checksum: the format of TFRecord. */
  private static byte[] record(ProtoWriter event) {
    byte[] bytes = event.toBytes();
    ByteBuffer record = ByteBuffer.allocate(bytes.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(bytes.length);
    record.putInt(masked(checksum(record.array(), 0, Long.BYTES)));
    record.put(bytes);
    record.putInt(masked(checksum(bytes, 0, bytes.length)));
    return record.array();
  }

  private static CRC32C checksum(byte[] bytes, int offset, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, offset, length);
    return crc;
  }

  /** As TFRecord stores it: the checksum of bytes that contain checksums would be a weak one. */
  static int masked(CRC32C checksum) {
    return Integer.rotateRight((int) checksum.getValue(), 15) + 0xa282ead8;
  }

  /** Nothing is held back, so there is nothing to do. */
  @Override
  public void flush() {}

  @Override
  public void close() throws IOException {
    file.close();
  }
}
