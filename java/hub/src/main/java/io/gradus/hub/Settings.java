package io.gradus.hub;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** One part of a tokenizer.json: a JSON object whose fields are asked for by name and type. */
record Settings(String part, Map<?, ?> fields) {

  /** The part that a value is; null where it is null or not there. */
  static Settings of(String part, Object value) throws IOException {
    if (value == null) {
      return null;
    }
    if (value instanceof Map<?, ?> map) {
      return new Settings(part, map);
    }
    throw new IOException("its " + part + " is " + Json.shown(value) + " and no object");
  }

  String type() throws IOException {
    return text("type");
  }

  String text(String name) throws IOException {
    String text = text(name, null);
    if (text == null) {
      throw new IOException("its " + part + " lacks " + name);
    }
    return text;
  }

  String text(String name, String otherwise) throws IOException {
    return get(name, String.class, "text", otherwise);
  }

  boolean flag(String name, boolean otherwise) throws IOException {
    return get(name, Boolean.class, "true or false", otherwise);
  }

  int number(String name, int otherwise) throws IOException {
    Number number = get(name, Number.class, "a number", otherwise);
    if (!(number instanceof Integer) || number.intValue() < 0) {
      throw new IOException(
          "its " + part + " has " + name + " " + Json.shown(number) + ", out of range");
    }
    return number.intValue();
  }

  /** The objects of an array. */
  List<Settings> list(String name) throws IOException {
    List<?> values = get(name, List.class, "an array", List.of());
    List<Settings> list = new ArrayList<>();
    for (Object value : values) {
      Settings settings = of(part, value);
      if (settings == null) {
        throw new IOException("its " + part + " has null in " + name);
      }
      list.add(settings);
    }
    return list;
  }

  Settings object(String name) throws IOException {
    Settings object = of(part + " " + name, fields.get(name));
    if (object == null) {
      throw new IOException("its " + part + " lacks " + name);
    }
    return object;
  }

  <T> T get(String name, Class<T> type, String kind, T otherwise) throws IOException {
    Object value = fields.get(name);
    if (value == null) {
      return otherwise;
    }
    if (!type.isInstance(value)) {
      throw new IOException(
          "its " + part + " has " + Json.shown(value) + " for " + name + ", which is not " + kind);
    }
    return type.cast(value);
  }

  IOException unsupported(String supported) throws IOException {
    return new IOException(
        "its " + part + " " + Json.shown(type()) + " is not supported, only " + supported);
  }
}
