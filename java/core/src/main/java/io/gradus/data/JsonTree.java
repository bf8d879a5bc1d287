package io.gradus.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A JSON object of numbers, texts, booleans, objects and lists of objects. Numbers come back as
 * they were written, to the last bit; those that JSON lacks, such as NaN, are written as texts.
 */
public final class JsonTree {

  private static final long MAX_BYTES = 1L << 28;
  private static final int MAX_DEPTH = 16;

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final Map<String, Object> values = new LinkedHashMap<>();

  /** An object without values yet. */
  public JsonTree() {}

  /** An object of these values, as {@link #put} takes them. */
  public static JsonTree of(Map<String, ?> values) {
    JsonTree tree = new JsonTree();
    values.forEach(tree::put);
    return tree;
  }

  /** Adds a Long, Double, Boolean, String, JsonTree or list of these last. */
  public JsonTree put(String name, Object value) {
    values.put(name, value);
    return this;
  }

  // Values

  /** Whether there is a value of this name. */
  public boolean has(String name) {
    return values.containsKey(name);
  }

  private <T> T get(String name, Class<T> kind, String what) {
    Object value = values.get(name);
    if (!kind.isInstance(value)) {
      throw new IllegalArgumentException(
          "json: " + name + " must be " + what + ": " + value + "; the file is broken");
    }
    return kind.cast(value);
  }

  /** A whole number. */
  public long whole(String name) {
    return get(name, Long.class, "a whole number");
  }

  /** A whole number that is not negative. */
  public long count(String name) {
    long value = whole(name);
    if (value < 0) {
      throw new IllegalArgumentException(
          "json: " + name + " must not be negative: " + value + "; the file is broken");
    }
    return value;
  }

  /** A number. */
  public double number(String name) {
    Object value = values.get(name);
    if (value instanceof String text) {
      switch (text) {
        case "NaN":
          return Double.NaN;
        case "Infinity":
          return Double.POSITIVE_INFINITY;
        case "-Infinity":
          return Double.NEGATIVE_INFINITY;
        default:
          break;
      }
    }
    return get(name, Number.class, "a number").doubleValue();
  }

  /** True or false. */
  public boolean flag(String name) {
    return get(name, Boolean.class, "true or false");
  }

  /** A text. */
  public String text(String name) {
    return get(name, String.class, "a text");
  }

  /** An object. */
  public JsonTree tree(String name) {
    return get(name, JsonTree.class, "an object");
  }

  /** A list of objects. */
  public List<JsonTree> trees(String name) {
    List<JsonTree> trees = new ArrayList<>();
    for (Object item : get(name, List.class, "a list of objects")) {
      trees.add((JsonTree) item);
    }
    return trees;
  }

  /** All of it, where it is made of numbers. */
  public Map<String, Double> numbers() {
    Map<String, Double> numbers = new LinkedHashMap<>();
    values.keySet().forEach(name -> numbers.put(name, number(name)));
    return Collections.unmodifiableMap(numbers);
  }

  /** All of it, where it is made of texts. */
  public Map<String, String> texts() {
    Map<String, String> texts = new LinkedHashMap<>();
    values.keySet().forEach(name -> texts.put(name, text(name)));
    return texts;
  }

  /** All of it, where it is made of objects. */
  public Map<String, JsonTree> trees() {
    Map<String, JsonTree> trees = new LinkedHashMap<>();
    values.keySet().forEach(name -> trees.put(name, tree(name)));
    return trees;
  }

  // Files

  /**
   * Reads a file.
   *
   * @throws IOException where it is missing or broken
   */
  public static JsonTree read(Path file) throws IOException {
    InputFile.check("json", file);
    if (Files.size(file) > MAX_BYTES) {
      throw new IOException("json: the file is too large: " + file);
    }
    try (JsonParser in = JSON.createParser(Files.readAllBytes(file))) {
      if (in.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("json: the file is no JSON object: " + file);
      }
      JsonTree tree = object(in, file, 0);
      if (in.nextToken() != null) {
        throw new IOException("json: the file is more than one object: " + file);
      }
      return tree;
    } catch (JsonProcessingException e) {
      throw new IOException("json: broken: " + file + ": " + e.getOriginalMessage(), e);
    }
  }

  private static JsonTree object(JsonParser in, Path file, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException("json: objects lie too deep in each other: " + file);
    }
    JsonTree tree = new JsonTree();
    while (in.nextToken() == JsonToken.FIELD_NAME) {
      String name = in.currentName();
      tree.put(name, value(in, in.nextToken(), file, depth));
    }
    return tree;
  }

  private static Object value(JsonParser in, JsonToken token, Path file, int depth)
      throws IOException {
    return switch (token) {
      case START_OBJECT -> object(in, file, depth + 1);
      case START_ARRAY -> list(in, file, depth + 1);
      case VALUE_NUMBER_INT -> (Object) in.getLongValue();
      case VALUE_NUMBER_FLOAT -> (Object) in.getDoubleValue();
      case VALUE_TRUE, VALUE_FALSE -> (Object) in.getBooleanValue();
      case VALUE_STRING -> in.getText();
      default -> throw new IOException("json: a value of no use: " + token + " in " + file);
    };
  }

  private static List<Object> list(JsonParser in, Path file, int depth) throws IOException {
    List<Object> list = new ArrayList<>();
    for (JsonToken token; (token = in.nextToken()) != JsonToken.END_ARRAY; ) {
      if (token != JsonToken.START_OBJECT) {
        throw new IOException("json: a list must be of objects: " + file);
      }
      list.add(object(in, file, depth));
    }
    return list;
  }

  /**
   * Writes a file, which appears as a whole or not at all.
   *
   * @throws IOException where that fails
   */
  public void write(Path file) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator out = JSON.createGenerator(bytes).useDefaultPrettyPrinter()) {
      write(out);
    }
    bytes.write('\n');
    OutputFile.replace(
        "json",
        file,
        out -> {
          ByteBuffer buffer = ByteBuffer.wrap(bytes.toByteArray());
          while (buffer.hasRemaining()) {
            out.write(buffer);
          }
        });
  }

  private void write(JsonGenerator out) throws IOException {
    out.writeStartObject();
    for (var item : values.entrySet()) {
      out.writeFieldName(item.getKey());
      write(out, item.getValue());
    }
    out.writeEndObject();
  }

  private static void write(JsonGenerator out, Object value) throws IOException {
    if (value instanceof JsonTree tree) {
      tree.write(out);
    } else if (value instanceof List<?> list) {
      out.writeStartArray();
      for (Object item : list) {
        write(out, item);
      }
      out.writeEndArray();
    } else if (value instanceof Double number) {
      out.writeNumber(number);
    } else if (value instanceof Number number) {
      out.writeNumber(number.longValue());
    } else if (value instanceof Boolean flag) {
      out.writeBoolean(flag);
    } else {
      out.writeString((String) value);
    }
  }
}
