package io.gradus.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The objects of a JSON Lines file, one on each line, each read when it is asked for.
 *
 * <pre>{@code
 * try (JsonLines lines = JsonLines.open(file)) {
 *   Dataset data = lines.examples((object, seed) -> ...);
 * }
 * Table table = JsonLines.read(file); // where everything fits into memory
 * }</pre>
 *
 * <p>Values are {@code String}, {@code Long}, {@code Double} (also for integers that no {@code
 * Long} holds), {@code Boolean}, {@code List}, {@code Map} or null. Lines with nothing but space at
 * the end of the file do not count.
 */
public final class JsonLines implements Records<Map<String, Object>> {

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final TextLines lines;
  private final long size;

  private JsonLines(TextLines lines, long size) {
    this.lines = lines;
    this.size = size;
  }

  /** Opens a file and goes through it once, to see where its lines are. */
  public static JsonLines open(Path file) throws IOException {
    TextLines lines = TextLines.open("json lines", file);
    try {
      long size = lines.size();
      while (size > 0 && lines.get(size - 1).isBlank()) {
        size--;
      }
      return new JsonLines(lines, size);
    } catch (IOException e) {
      lines.close();
      throw e;
    }
  }

  /**
   * All objects of a file as a table with a column for each name. A column is one of numbers where
   * all its values are numbers or missing, else one of texts; null and a name that an object lacks
   * are missing, booleans are the texts {@code true} and {@code false}.
   *
   * @throws IOException that names the file and the line where it cannot be read, or where a value
   *     is an object or an array
   */
  public static Table read(Path file) throws IOException {
    try (JsonLines lines = open(file)) {
      int rows = Math.toIntExact(lines.size());
      Map<String, Object[]> cells = new LinkedHashMap<>();
      for (int row = 0; row < rows; row++) {
        for (var field : lines.get(row).entrySet()) {
          if (field.getValue() instanceof Map || field.getValue() instanceof List) {
            throw lines.lines.error(
                row, field.getKey() + " is no single value; read it with JsonLines.open", null);
          }
          cells.computeIfAbsent(field.getKey(), name -> new Object[rows])[row] = field.getValue();
        }
      }
      Map<String, Object> columns = new LinkedHashMap<>();
      cells.forEach((name, values) -> columns.put(name, column(values)));
      return Table.of(file.toString(), columns);
    }
  }

  private static Object column(Object... cells) {
    if (Arrays.stream(cells).allMatch(cell -> cell == null || cell instanceof Number)) {
      return Arrays.stream(cells)
          .mapToDouble(cell -> cell == null ? Double.NaN : ((Number) cell).doubleValue())
          .toArray();
    }
    return Arrays.stream(cells)
        .map(cell -> cell == null ? null : cell.toString())
        .toArray(String[]::new);
  }

  @Override
  public long size() {
    return size;
  }

  /** An object by the number of its line, counted from 0. */
  @Override
  public Map<String, Object> get(long number) throws IOException {
    Index.check(number, size);
    String line = lines.get(number);
    try (JsonParser json = JSON.createParser(line)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw lines.error(number, "not a JSON object", null);
      }
      Map<String, Object> object = object(json);
      if (json.nextToken() != null) {
        throw lines.error(number, "goes on after its object", null);
      }
      return object;
    } catch (JsonProcessingException e) {
      throw lines.error(number, "not JSON: " + e.getOriginalMessage(), e);
    }
  }

  private static Map<String, Object> object(JsonParser json) throws IOException {
    Map<String, Object> object = new LinkedHashMap<>();
    while (json.nextToken() != JsonToken.END_OBJECT) {
      String name = json.currentName();
      json.nextToken();
      object.put(name, value(json));
    }
    return object;
  }

  /** The depth of nesting is bounded by the parser. */
  private static Object value(JsonParser json) throws IOException {
    return switch (json.currentToken()) {
      case START_OBJECT -> object(json);
      case START_ARRAY -> {
        List<Object> values = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
          values.add(value(json));
        }
        yield values;
      }
      case VALUE_STRING -> json.getText();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      case VALUE_NUMBER_INT ->
          json.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? (Object) json.getDoubleValue()
              : (Object) json.getLongValue();
      default -> json.getDoubleValue();
    };
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
