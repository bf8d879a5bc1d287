package io.gradus.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;

/** One line of JSON: an object whose fields stand in the order they were put. */
final class Json {

  private static final JsonFactory FACTORY = new JsonFactory();

  /** Writes a value, or a whole array. */
  @FunctionalInterface
  interface Value {
    void write(JsonGenerator to) throws IOException;
  }

  private final StringWriter text = new StringWriter();
  private final JsonGenerator generator;

  Json() {
    try {
      generator = FACTORY.createGenerator(text);
      generator.writeStartObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Json put(String key, Value value) {
    try {
      generator.writeFieldName(key);
      value.write(generator);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Json put(String key, String value) {
    return put(key, to -> to.writeString(value));
  }

  Json put(String key, long value) {
    return put(key, to -> to.writeNumber(value));
  }

  /** All digits of it. */
  Json put(String key, double value) {
    return put(key, to -> to.writeNumber(value));
  }

  /** With this many decimals; JSON has no NaN and no infinity, so these are null. */
  Json put(String key, double value, int decimals) {
    double unit = Math.pow(10, decimals);
    return Double.isFinite(value)
        ? put(key, to -> to.writeNumber(Math.rint(value * unit) / unit))
        : put(key, JsonGenerator::writeNull);
  }

  /** The finished line. */
  @Override
  public String toString() {
    try {
      generator.close();
      return text.toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
