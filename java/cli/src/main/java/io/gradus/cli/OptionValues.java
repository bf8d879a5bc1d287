package io.gradus.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.gradus.data.JsonTree;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Options of a command in a file, under their long names without dashes. */
final class OptionValues {

  private static final long LARGEST = 1 << 20; // bytes

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private OptionValues() {}

  /**
   * Reads a JSON object, or properties where the file's name ends so.
   *
   * @param user what errors begin with
   */
  static Map<String, String> read(String user, Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          user + (Files.exists(file) ? ": not a regular file: " : ": no such file: ") + file);
    }
    if (Files.size(file) > LARGEST) {
      throw new IOException(user + ": the file is too large: " + file);
    }
    return file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".properties")
        ? properties(user, file)
        : json(user, file);
  }

  private static Map<String, String> properties(String user, Path file) throws IOException {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      properties.load(reader);
    } catch (IllegalArgumentException | CharacterCodingException e) {
      throw new IOException(user + ": broken properties: " + file + ": " + e.getMessage(), e);
    }
    Map<String, String> values = new TreeMap<>();
    properties.forEach((name, value) -> values.put((String) name, ((String) value).strip()));
    return values;
  }

  private static Map<String, String> json(String user, Path file) throws IOException {
    Map<String, String> values = new LinkedHashMap<>();
    try (JsonParser in = JSON.createParser(Files.readAllBytes(file))) {
      if (in.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException(user + ": no JSON object: " + file);
      }
      for (String name; (name = in.nextFieldName()) != null; ) {
        values.put(name, value(user, in, name, file));
      }
      if (in.currentToken() != JsonToken.END_OBJECT || in.nextToken() != null) {
        throw new IOException(user + ": more than one JSON object: " + file);
      }
    } catch (JsonProcessingException e) {
      throw new IOException(user + ": broken JSON: " + file + ": " + e.getOriginalMessage(), e);
    }
    return values;
  }

  private static String value(String user, JsonParser in, String name, Path file)
      throws IOException {
    JsonToken token = in.nextToken();
    if (token == JsonToken.START_ARRAY) {
      List<String> items = new ArrayList<>();
      while (in.nextToken() != JsonToken.END_ARRAY) {
        items.add(plain(user, in, name, file));
      }
      return String.join(",", items);
    }
    return plain(user, in, name, file);
  }

  private static String plain(String user, JsonParser in, String name, Path file)
      throws IOException {
    JsonToken token = in.currentToken();
    if (token == null || !token.isScalarValue() || token == JsonToken.VALUE_NULL) {
      throw new IOException(user + ": " + name + " is no plain value: " + file);
    }
    return in.getText();
  }

  /**
   * The arguments that say the same.
   *
   * @throws IOException where the command has no such option
   */
  static List<String> arguments(
      String user, Path file, Map<String, String> values, CommandSpec command) throws IOException {
    List<String> arguments = new ArrayList<>();
    for (var value : values.entrySet()) {
      String name = "--" + value.getKey();
      OptionSpec option = command.optionsMap().get(name);
      if (option == null || !isSetting(option)) {
        throw new IOException(
            user
                + ": there is no option of this name: "
                + value.getKey()
                + " in "
                + file
                + "; there are "
                + settings(command).keySet().stream().sorted().collect(Collectors.joining(", ")));
      }
      if (option.arity().max() > 0) {
        arguments.add(name + "=" + value.getValue());
      } else if (value.getValue().equals("true")) {
        arguments.add(name);
      } else if (!value.getValue().equals("false")) {
        throw new IOException(
            user
                + ": "
                + value.getKey()
                + " must be true or false: "
                + value.getValue()
                + " in "
                + file);
      }
    }
    return arguments;
  }

  /** Names that say how a run is told about or where, and not what it is. */
  private static final Set<String> NOT_SETTINGS =
      Set.of("--help", "--version", "--stacktrace", "--config", "--json", "--overwrite");

  private static boolean isSetting(OptionSpec option) {
    return !NOT_SETTINGS.contains(option.longestName());
  }

  private static Map<String, OptionSpec> settings(CommandSpec command) {
    Map<String, OptionSpec> settings = new LinkedHashMap<>();
    for (OptionSpec option : command.options()) {
      if (isSetting(option)) {
        settings.put(option.longestName().substring(2), option);
      }
    }
    return settings;
  }

  /** All values that the options of a command have; those without one are left out. */
  static JsonTree of(CommandSpec command, Set<String> without) {
    JsonTree json = new JsonTree();
    settings(command)
        .forEach(
            (name, option) -> {
              Object value = option.getValue();
              if (value != null && !without.contains(name)) {
                json.put(name, plain(value));
              }
            });
    return json;
  }

  private static Object plain(Object value) {
    if (value instanceof Integer number) {
      return number.longValue();
    }
    if (value instanceof Long || value instanceof Double || value instanceof Boolean) {
      return value;
    }
    if (value instanceof List<?> list) {
      return list.stream().map(String::valueOf).collect(Collectors.joining(","));
    }
    // Relative paths would mean others where the run is resumed in another folder.
    return value instanceof Path path ? path.toAbsolutePath().normalize().toString() : value + "";
  }
}
