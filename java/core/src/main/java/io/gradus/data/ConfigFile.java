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
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * The values of a model's configuration by name, and the JSON file that keeps them: one flat object
 * whose {@code type} says which model it is of.
 */
public final class ConfigFile {

  private static final int MAX_BYTES = 1 << 20;

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final String type;
  private final Map<String, Object> values = new LinkedHashMap<>();

  /** Without values yet, of a model of this type. */
  public ConfigFile(String type) {
    this.type = type;
  }

  /** Adds or replaces a value: a number, a boolean, a text or an enum's constant. */
  public ConfigFile put(String name, Object value) {
    values.put(name, value instanceof Enum<?> constant ? constant.name() : value);
    return this;
  }

  /** Replaces a value that is there. */
  public ConfigFile replace(String name, Object value) {
    get(name);
    return put(name, value);
  }

  /** The names of its values, in their order. */
  public Set<String> names() {
    return Collections.unmodifiableSet(values.keySet());
  }

  /** Replaces values that are there by those of the same names in another one. */
  public ConfigFile replaceAll(ConfigFile other) {
    other.values.forEach(this::replace);
    return this;
  }

  // Values

  private Object get(String name) {
    Object value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException(
          type + ": the configuration has no " + name + "; there are " + values.keySet());
    }
    return value;
  }

  /**
   * A whole number.
   *
   * @throws IllegalArgumentException where it is missing or something else, as of all values
   */
  public int integer(String name) {
    double number = number(name);
    if (number != (int) number) {
      throw wrong(name, "a whole number");
    }
    return (int) number;
  }

  /** A whole number of up to 64 bits. */
  public long longInteger(String name) {
    if (get(name) instanceof Long || get(name) instanceof Integer) {
      return ((Number) get(name)).longValue();
    }
    double number = number(name);
    if (number != Math.rint(number) || Math.abs(number) > 1L << 53) {
      throw wrong(name, "a whole number");
    }
    return (long) number;
  }

  /** A number. */
  public double number(String name) {
    if (get(name) instanceof Number number) {
      return number.doubleValue();
    }
    throw wrong(name, "a number");
  }

  /** A text. */
  public String text(String name) {
    if (get(name) instanceof String text) {
      return text;
    }
    throw wrong(name, "a text");
  }

  /** True or false. */
  public boolean flag(String name) {
    if (get(name) instanceof Boolean flag) {
      return flag;
    }
    throw wrong(name, "true or false");
  }

  /** Whether a value is true or false, and not something else. */
  public boolean isFlag(String name) {
    return get(name) instanceof Boolean;
  }

  /** A constant of an enum, by its name. */
  public <E extends Enum<E>> E choice(String name, Class<E> kind) {
    for (E constant : kind.getEnumConstants()) {
      if (constant.name().equals(get(name).toString().toUpperCase(Locale.ROOT))) {
        return constant;
      }
    }
    throw wrong(name, "one of " + Arrays.toString(kind.getEnumConstants()));
  }

  private IllegalArgumentException wrong(String name, String right) {
    return new IllegalArgumentException(
        type + ": " + name + " must be " + right + ": " + get(name));
  }

  // Files

  /**
   * Reads a file.
   *
   * @throws IOException where it is missing, broken or of a model of another type
   */
  public static ConfigFile read(Path file, String type) throws IOException {
    InputFile.check(type, file);
    if (Files.size(file) > MAX_BYTES) {
      throw new IOException(type + ": not a configuration, it is too large: " + file);
    }
    ConfigFile map = new ConfigFile(type);
    try (JsonParser in = JSON.createParser(Files.readAllBytes(file))) {
      map.read(in);
    } catch (JsonProcessingException e) {
      throw broken(type, file, e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw broken(type, file, e.getMessage(), e);
    }
    if (!type.equals(map.values.remove("type"))) {
      throw new IOException(
          type + ": not the configuration of this kind of model: " + file + "; see its \"type\"");
    }
    return map;
  }

  /**
   * Reads a file and what it describes.
   *
   * @param of makes it of the values
   * @throws IOException also where {@code of} throws an {@link IllegalArgumentException}
   */
  public static <T> T read(Path file, String type, Function<ConfigFile, T> of) throws IOException {
    ConfigFile values = read(file, type);
    try {
      return of.apply(values);
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage() + ": " + file, e);
    }
  }

  private static IOException broken(String type, Path file, String what, Exception cause) {
    return new IOException(type + ": broken configuration: " + file + ": " + what, cause);
  }

  private void read(JsonParser in) throws IOException {
    if (in.nextToken() != JsonToken.START_OBJECT) {
      throw new IOException("it is no object");
    }
    for (String name; (name = in.nextFieldName()) != null; ) {
      values.put(name, value(in, name));
    }
    if (in.currentToken() != JsonToken.END_OBJECT || in.nextToken() != null) {
      throw new IOException("it is more than one object");
    }
  }

  private static Object value(JsonParser in, String name) throws IOException {
    return switch (in.nextToken()) {
      case VALUE_NUMBER_INT ->
          in.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? (Object) in.getDoubleValue()
              : (Object) in.getLongValue();
      case VALUE_NUMBER_FLOAT -> in.getDoubleValue();
      case VALUE_TRUE, VALUE_FALSE -> in.getBooleanValue();
      case VALUE_STRING -> in.getText();
      default -> throw new IOException(name + " is no plain value");
    };
  }

  /**
   * Writes a file, which appears as a whole or not at all.
   *
   * @throws IOException where that fails
   */
  public void write(Path file) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator out = JSON.createGenerator(bytes).useDefaultPrettyPrinter()) {
      out.writeStartObject();
      out.writeStringField("type", type);
      for (var value : values.entrySet()) {
        out.writeFieldName(value.getKey());
        if (value.getValue() instanceof Boolean flag) {
          out.writeBoolean(flag);
        } else if (value.getValue() instanceof Integer || value.getValue() instanceof Long) {
          out.writeNumber(((Number) value.getValue()).longValue());
        } else if (value.getValue() instanceof Number number) {
          out.writeNumber(number.doubleValue());
        } else {
          out.writeString(value.getValue().toString());
        }
      }
      out.writeEndObject();
    }
    bytes.write('\n');
    OutputFile.replace(
        type,
        file,
        out -> {
          ByteBuffer buffer = ByteBuffer.wrap(bytes.toByteArray());
          while (buffer.hasRemaining()) {
            out.write(buffer);
          }
        });
  }
}
