package io.gradus.report;

import io.gradus.data.OutputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * Writes the scalars of a run as comma-separated values, a column for each name: what {@code
 * pandas.read_csv} and spreadsheets want.
 *
 * <p>The first columns are {@code step} and {@code wall_time}, seconds since 1970. A name that
 * appears later gets a column at the right end: the file is replaced by one with the longer header,
 * as a whole, so that there is a good one at any moment. Lines above stay shorter than the header,
 * and readers take what is missing as empty. Each line is handed to the system at once.
 */
public final class CsvLog implements RunLog {

  private static final String BEGIN = ScalarNames.STEP + "," + ScalarNames.WALL_TIME;

  private final LogFile file;
  private List<String> columns;
  private long headerBytes;

  /**
   * Begins a file, or goes on with one of an earlier run. Half a line that a killed run left is cut
   * off; folders that are missing are made.
   *
   * @throws IOException where that fails, or the file is something else
   */
  public CsvLog(Path file) throws IOException {
    this.file = LogFile.lines("csv", file, BEGIN);
    try {
      if (this.file.isEmpty()) {
        columns = List.of(ScalarNames.STEP, ScalarNames.WALL_TIME);
        byte[] header = header(columns);
        headerBytes = header.length;
        this.file.write(header);
      } else {
        goOn(file);
      }
    } catch (IOException e) {
      this.file.close();
      throw e;
    }
  }

  private void goOn(Path file) throws IOException {
    try (LogLines lines = new LogLines(file)) {
      columns = CsvLine.cells(lines.next());
      headerBytes = lines.bytes();
    } catch (IOException e) {
      throw new IOException("csv: broken header: " + file + ": " + e.getMessage(), e);
    }
  }

  private static byte[] header(List<String> columns) {
    return CsvLine.of(columns).getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void scalars(long step, Map<String, Double> values) throws IOException {
    ScalarNames.check("csv", values.keySet());
    file.checkOpen();
    if (values.isEmpty()) {
      return;
    }
    if (!columns.containsAll(values.keySet())) {
      widen(values.keySet());
    }
    List<String> cells = new ArrayList<>(List.of(Long.toString(step), ScalarNames.wallTime()));
    for (String column : columns.subList(cells.size(), columns.size())) {
      Double value = values.get(column);
      cells.add(value == null ? "" : value.toString());
    }
    file.write(CsvLine.of(cells));
  }

  private void widen(Collection<String> names) throws IOException {
    List<String> wider = new ArrayList<>(columns);
    names.stream().filter(name -> !columns.contains(name)).forEach(wider::add);
    byte[] header = header(wider);
    file.close(); // Windows does not replace an open file
    try {
      OutputFile.replace(
          "csv",
          file.path(),
          to -> {
            ByteBuffer bytes = ByteBuffer.wrap(header);
            while (bytes.hasRemaining()) {
              to.write(bytes);
            }
            copyFrom(headerBytes, to);
          });
    } finally {
      file.reopen();
    }
    columns = wider;
    headerBytes = header.length;
  }

  private void copyFrom(long start, FileChannel to) throws IOException {
    try (FileChannel from = FileChannel.open(file.path(), StandardOpenOption.READ)) {
      long end = from.size();
      for (long at = start; at < end; ) {
        at += from.transferTo(at, end - at, to);
      }
    }
  }

  /** Nothing is held back, so there is nothing to do. */
  @Override
  public void flush() {}

  @Override
  public void close() throws IOException {
    file.close();
  }
}
