package io.gradus.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Collects the scalars of a run's files. */
final class ScalarReader {

  /** More would not fit into a small heap, and nobody could tell them apart in a picture. */
  private static final long MAX_VALUES = 10_000_000;

  private static final int MAX_NAMES = 10_000;

  private static final JsonFactory JSON = new JsonFactory();

  /** A file with more values or names than can be meant. */
  private static final class TooMany extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TooMany(String what) {
      super(what);
    }
  }

  private final Map<String, Series.Builder> series = new LinkedHashMap<>();
  private long values;

  Map<String, Series> series() {
    Map<String, Series> built = new LinkedHashMap<>();
    series.forEach((name, builder) -> built.put(name, builder.build()));
    return Collections.unmodifiableMap(built);
  }

  private void add(String name, long step, double wallTime, double value) {
    Series.Builder builder = series.get(name);
    if (builder == null) {
      if (series.size() == MAX_NAMES) {
        throw new TooMany("it has more than " + MAX_NAMES + " names");
      }
      builder = new Series.Builder(name);
      series.put(name, builder);
    }
    if (values++ == MAX_VALUES) {
      throw new TooMany("it has more than " + MAX_VALUES + " values");
    }
    builder.add(step, wallTime, value);
  }

  void events(Path file) throws IOException {
    try {
      TensorBoardReader.read(
          file,
          value -> {
            if (value.scalar() != null) {
              add(value.name(), value.step(), value.wallTime(), value.scalar());
            }
          });
    } catch (TooMany e) {
      throw new IOException("log: " + file + ": " + e.getMessage(), e);
    }
  }

  // Comma-separated values

  void csv(Path file) throws IOException {
    try (LogLines lines = new LogLines(file)) {
      try {
        String header = lines.next();
        if (header == null) {
          return; // begun and not more
        }
        List<String> columns = CsvLine.cells(header);
        int step = columns.indexOf(ScalarNames.STEP);
        if (step < 0) {
          throw new IOException("there is no column " + ScalarNames.STEP);
        }
        int wallTime = columns.indexOf(ScalarNames.WALL_TIME);
        for (String line = lines.next(); line != null; line = lines.next()) {
          if (!line.isEmpty()) {
            csvLine(columns, CsvLine.cells(line), step, wallTime);
          }
        }
      } catch (IOException | TooMany e) {
        throw broken(file, lines, e.getMessage(), e);
      }
    }
  }

  private void csvLine(List<String> columns, List<String> cells, int step, int wallTime)
      throws IOException {
    if (cells.size() > columns.size()) {
      throw new IOException("it has " + cells.size() + " cells under " + columns.size() + " names");
    }
    if (cells.size() <= step) {
      throw new IOException("it has no step");
    }
    long at = whole(cells.get(step));
    double time = wallTime < 0 || wallTime >= cells.size() ? 0 : number(cells.get(wallTime));
    for (int i = 0; i < cells.size(); i++) {
      if (i != step && i != wallTime && !cells.get(i).isEmpty()) {
        add(columns.get(i), at, time, number(cells.get(i)));
      }
    }
  }

  private static long whole(String cell) throws IOException {
    try {
      return Long.parseLong(cell);
    } catch (NumberFormatException e) {
      throw new IOException("a step must be a whole number: " + cell, e);
    }
  }

  private static double number(String cell) throws IOException {
    try {
      return Double.parseDouble(cell);
    } catch (NumberFormatException e) {
      throw new IOException("not a number: " + cell, e);
    }
  }

  private static IOException broken(Path file, LogLines lines, String what, Exception cause) {
    return new IOException(
        "log: broken: " + file + ": line " + lines.number() + ": " + what, cause);
  }

  // JSON Lines

  void jsonLines(Path file) throws IOException {
    try (LogLines lines = new LogLines(file)) {
      try {
        for (String line = lines.next(); line != null; line = lines.next()) {
          jsonLine(line);
        }
      } catch (JsonProcessingException e) {
        throw broken(file, lines, e.getOriginalMessage(), e);
      } catch (IOException | TooMany e) {
        throw broken(file, lines, e.getMessage(), e);
      }
    }
  }

  private void jsonLine(String line) throws IOException {
    Long step = null;
    double wallTime = 0;
    Map<String, Double> scalars = new LinkedHashMap<>();
    try (JsonParser in = JSON.createParser(line)) {
      if (in.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("it is no object");
      }
      for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
        in.nextToken();
        if (name.equals(ScalarNames.STEP)) {
          step = in.getLongValue();
        } else if (name.equals(ScalarNames.WALL_TIME)) {
          wallTime = in.getDoubleValue();
        } else if (in.currentToken().isNumeric()) {
          scalars.put(name, in.getDoubleValue());
        } else if (in.currentToken() == JsonToken.VALUE_STRING && isNonFinite(in.getText())) {
          scalars.put(name, Double.parseDouble(in.getText()));
        } else {
          in.skipChildren();
        }
      }
      if (in.currentToken() != JsonToken.END_OBJECT || in.nextToken() != null) {
        throw new IOException("it is more than one object");
      }
    }
    if (step == null) {
      throw new IOException("it has no step");
    }
    for (var scalar : scalars.entrySet()) {
      add(scalar.getKey(), step, wallTime, scalar.getValue());
    }
  }

  private static boolean isNonFinite(String text) {
    return text.equals("NaN") || text.equals("Infinity") || text.equals("-Infinity");
  }
}
