package io.gradus.data;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipException;

/**
 * Reads tables from CSV files (RFC 4180) in UTF-8, gzipped or not.
 *
 * <pre>{@code
 * Table iris = Csv.withHeader().read(Path.of("iris.csv"));
 * }</pre>
 *
 * <p>A column whose cells are all numbers, or missing, is one of numbers; others are texts.
 */
public final class Csv {

  private static final Set<String> MISSING =
      Set.of("", "#N/A", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null");

  private final List<String> names; // null where the first row has them; empty for 0, 1, 2, ...
  private final char separator;
  private final Set<String> missing;
  private final Set<String> texts;

  private Csv(List<String> names, char separator, Set<String> missing, Set<String> texts) {
    this.names = names;
    this.separator = separator;
    this.missing = missing;
    this.texts = texts;
  }

  /** Files whose first row has the names of the columns. */
  public static Csv withHeader() {
    return new Csv(null, ',', MISSING, Set.of());
  }

  /** Files whose first row is data; without names, the columns are called 0, 1, 2, ... */
  public static Csv withoutHeader(String... names) {
    return new Csv(List.of(names), ',', MISSING, Set.of());
  }

  /** With another character between the cells of a row, such as a tab or a semicolon. */
  public Csv separator(char separator) {
    return new Csv(names, separator, missing, texts);
  }

  /**
   * What stands in a cell without a value. Without it these do: nothing, {@code NA}, {@code N/A},
   * {@code n/a}, {@code #N/A}, {@code NaN}, {@code nan}, {@code NULL}, {@code null}, {@code None}.
   */
  public Csv missing(String... cells) {
    return new Csv(names, separator, Set.of(cells), texts);
  }

  /** Columns that are texts even where all their cells look like numbers, as numbers of houses. */
  public Csv texts(String... columns) {
    return new Csv(names, separator, missing, Set.of(columns));
  }

  /**
   * Reads a file.
   *
   * @throws IOException that names the file and the line where it cannot be read: rows of another
   *     length than the first, quotes that do not close, bytes that are not UTF-8, two columns of
   *     one name, or no row at all
   */
  public Table read(Path file) throws IOException {
    // The first time for the types of the columns and the number of rows, so that the second needs
    // no more memory than the values.
    Shape shape = new Shape();
    parse(file, shape);
    if (shape.names == null) {
      throw error("no rows", file, "is empty");
    }
    for (String name : texts) {
      if (!shape.names.contains(name)) {
        throw error("no such column", file, "has no " + name + ", but " + shape.names);
      }
    }
    Filling filling = new Filling(shape);
    parse(file, filling);
    if (filling.row != shape.rows) {
      throw error("changed while it was read", file, "has fewer rows than before");
    }
    return Table.of(file.toString(), filling.columns());
  }

  private interface Rows {
    void add(CsvRecord row, Path file) throws IOException;
  }

  private void parse(Path file, Rows rows) throws IOException {
    long line = 0;
    try (var in = new InputStreamReader(InputFile.open("csv", file), InputFile.utf8());
        CsvReader<CsvRecord> reader =
            CsvReader.builder()
                .fieldSeparator(separator)
                .extraFieldStrategy(FieldMismatchStrategy.IGNORE) // counted here
                .missingFieldStrategy(FieldMismatchStrategy.IGNORE)
                .allowUnclosedQuote(false)
                .ofCsvRecord(in)) {
      var iterator = reader.iterator();
      while (iterator.hasNext()) {
        CsvRecord row = iterator.next();
        line = row.getStartingLineNumber();
        rows.add(row, file);
      }
    } catch (CsvParseException e) {
      throw badRow(file, line, e.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw unreadable(file, line, e.getCause());
    } catch (CharacterCodingException | EOFException | ZipException e) {
      throw unreadable(file, line, e);
    }
  }

  private static IOException unreadable(Path file, long line, IOException e) {
    if (e instanceof CharacterCodingException) {
      return badRow(file, line, "not UTF-8; convert the file", e);
    }
    return badRow(file, line, e.getMessage() + "; get the file again", e);
  }

  private static IOException badRow(Path file, long line, String what, Exception cause) {
    return new IOException("csv: cannot read " + file + " after line " + line + ": " + what, cause);
  }

  private static IOException error(String what, Path file, String seen) {
    return new IOException("csv: " + what + ": " + file + " " + seen);
  }

  /** What the columns are. */
  private final class Shape implements Rows {
    List<String> names;
    boolean[] numeric;
    int rows;

    @Override
    public void add(CsvRecord row, Path file) throws IOException {
      if (names == null) {
        begin(row, file);
        if (Csv.this.names == null) {
          return;
        }
      }
      checkLength(row, file, names);
      for (int i = 0; i < numeric.length; i++) {
        String cell = row.getField(i);
        numeric[i] = numeric[i] && (missing.contains(cell) || !Double.isNaN(number(cell)));
      }
      if (++rows == Integer.MAX_VALUE - 8) {
        throw error("too many rows", file, "has more than a Java array can hold");
      }
    }

    private void begin(CsvRecord row, Path file) throws IOException {
      names = new ArrayList<>(row.getFields());
      if (Csv.this.names != null) {
        for (int i = 0; i < names.size(); i++) {
          names.set(i, Integer.toString(i));
        }
        if (!Csv.this.names.isEmpty()) {
          checkLength(row, file, Csv.this.names);
          names = Csv.this.names;
        }
      }
      if (!names.isEmpty() && names.get(0).startsWith("\ufeff")) {
        names.set(0, names.get(0).substring(1)); // Excel's mark of UTF-8
      }
      if (new HashSet<>(names).size() < names.size()) {
        throw error("two columns of one name", file, "has " + names);
      }
      numeric = new boolean[names.size()];
      for (int i = 0; i < numeric.length; i++) {
        numeric[i] = !texts.contains(names.get(i));
      }
    }
  }

  private static void checkLength(CsvRecord row, Path file, List<String> names) throws IOException {
    if (row.getFieldCount() != names.size()) {
      throw error(
          "rows differ in length",
          file,
          "has "
              + row.getFieldCount()
              + " cells in line "
              + row.getStartingLineNumber()
              + ", and "
              + names.size()
              + " columns");
    }
  }

  /** The values. */
  private final class Filling implements Rows {
    private final Shape shape;
    private final Object[] columns;
    private boolean inHeader = names == null;
    int row;

    Filling(Shape shape) {
      this.shape = shape;
      columns = new Object[shape.names.size()];
      for (int i = 0; i < columns.length; i++) {
        columns[i] = shape.numeric[i] ? new double[shape.rows] : new String[shape.rows];
      }
    }

    @Override
    public void add(CsvRecord record, Path file) throws IOException {
      if (inHeader) {
        inHeader = false;
        return;
      }
      if (row == shape.rows || record.getFieldCount() != columns.length) {
        throw error("changed while it was read", file, "has other rows than before");
      }
      for (int i = 0; i < columns.length; i++) {
        String cell = record.getField(i);
        boolean there = !missing.contains(cell);
        if (columns[i] instanceof double[] numbers) {
          numbers[row] = there ? number(cell) : Double.NaN;
        } else {
          ((String[]) columns[i])[row] = there ? cell : null;
        }
      }
      row++;
    }

    Map<String, Object> columns() {
      Map<String, Object> byName = new LinkedHashMap<>();
      for (int i = 0; i < columns.length; i++) {
        byName.put(shape.names.get(i), columns[i]);
      }
      return byName;
    }
  }

  /** The number that a cell is; NaN where it is none. */
  static double number(String cell) {
    String trimmed = cell.strip();
    // Java's own parser takes 1f and 0x1p3 as well.
    boolean plain =
        !trimmed.isEmpty() && trimmed.chars().allMatch(c -> "0123456789+-.eE".indexOf(c) >= 0);
    if (!plain) {
      return Double.NaN;
    }
    try {
      return Double.parseDouble(trimmed);
    } catch (NumberFormatException e) {
      return Double.NaN;
    }
  }
}
