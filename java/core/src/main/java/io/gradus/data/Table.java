package io.gradus.data;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * Named columns of numbers and of texts, read from a file; {@link TableEncoder} makes a data set of
 * them.
 *
 * <p>A number that is missing is NaN, a text that is missing is null.
 */
public final class Table {

  private final String source;
  private final int rows;
  private final Map<String, Object> columns; // double[] or String[]

  private Table(String source, int rows, Map<String, Object> columns) {
    this.source = source;
    this.rows = rows;
    this.columns = columns;
  }

  /**
   * A table of these columns.
   *
   * @param source what error messages call it: the file
   * @param columns by their names, in order; {@code double[]} or {@code String[]} of one length
   */
  public static Table of(String source, Map<String, Object> columns) {
    int rows = columns.isEmpty() ? 0 : length(columns.values().iterator().next());
    columns.forEach(
        (name, values) -> {
          if (length(values) != rows) {
            throw new IllegalArgumentException(
                "table: columns differ in length: " + rows + ", " + name + " " + length(values));
          }
        });
    return new Table(source, rows, Collections.unmodifiableMap(new LinkedHashMap<>(columns)));
  }

  private static int length(Object values) {
    if (values instanceof double[] numbers) {
      return numbers.length;
    }
    if (values instanceof String[] texts) {
      return texts.length;
    }
    throw new IllegalArgumentException("table: a column is double[] or String[]: " + values);
  }

  /** What error messages call it: the file. */
  public String source() {
    return source;
  }

  /** The number of rows. */
  public int rows() {
    return rows;
  }

  /** The names of the columns in their order. */
  public Set<String> names() {
    return columns.keySet();
  }

  /** Whether a column has numbers and not texts. */
  public boolean isNumeric(String name) {
    return column(name) instanceof double[];
  }

  /**
   * A column of numbers; NaN where there is none.
   *
   * @throws IllegalArgumentException where there is no such column or it has texts
   */
  public double[] numbers(String name) {
    if (column(name) instanceof double[] numbers) {
      return numbers.clone();
    }
    throw new IllegalArgumentException("table: " + name + " has texts, not numbers: " + source);
  }

  /** A column as texts, numbers as Java writes them; null where there is none. */
  public String[] texts(String name) {
    return column(name) instanceof double[] numbers
        ? Arrays.stream(numbers).mapToObj(Table::text).toArray(String[]::new)
        : ((String[]) column(name)).clone();
  }

  private static String text(double number) {
    if (Double.isNaN(number)) {
      return null;
    }
    return number == Math.rint(number) && Math.abs(number) < 1e15
        ? Long.toString((long) number)
        : Double.toString(number);
  }

  /** The texts of a column that differ, in alphabetical order. */
  public Categories categories(String name) {
    return Categories.in(texts(name));
  }

  /** Only these columns, in this order. */
  public Table select(String... names) {
    Map<String, Object> selected = new LinkedHashMap<>();
    for (String name : names) {
      selected.put(name, column(name));
    }
    return new Table(source, rows, selected);
  }

  /** All columns but these. */
  public Table without(String... names) {
    for (String name : names) {
      column(name);
    }
    Set<String> others = new LinkedHashSet<>(columns.keySet());
    others.removeAll(List.of(names));
    return select(others.toArray(String[]::new));
  }

  /** The rows of these numbers, as of {@link Splits}. */
  public Table take(long... numbers) {
    LongStream.of(numbers).forEach(number -> Index.check(number, rows));
    Map<String, Object> taken = new LinkedHashMap<>();
    columns.forEach(
        (name, values) ->
            taken.put(
                name,
                values instanceof double[] all
                    ? LongStream.of(numbers).mapToDouble(i -> all[(int) i]).toArray()
                    : LongStream.of(numbers)
                        .mapToObj(i -> ((String[]) values)[(int) i])
                        .toArray(String[]::new)));
    return new Table(source, numbers.length, taken);
  }

  /** The rows in which nothing is missing. */
  public Table withoutMissing() {
    return take(LongStream.range(0, rows).filter(row -> isWhole((int) row)).toArray());
  }

  private boolean isWhole(int row) {
    return columns.values().stream()
        .allMatch(
            values ->
                values instanceof double[] numbers
                    ? !Double.isNaN(numbers[row])
                    : ((String[]) values)[row] != null);
  }

  private Object column(String name) {
    Object values = columns.get(name);
    if (values == null) {
      throw new IllegalArgumentException(
          "table: there is no column " + name + " in " + source + "; there are " + names());
    }
    return values;
  }

  @Override
  public String toString() {
    return source + ": " + rows + " rows of " + names();
  }
}
