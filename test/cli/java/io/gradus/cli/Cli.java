package io.gradus.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One run of the command line within this JVM, and what it wrote. */
record Cli(int code, String out, String err) {

  static Cli run(String... args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    var outBytes = new ByteArrayOutputStream();
    var errBytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(outBytes, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(errBytes, true, StandardCharsets.UTF_8));
    try {
      int code = Main.run(args);
      return new Cli(
          code,
          outBytes.toString(StandardCharsets.UTF_8),
          errBytes.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  List<String> lines() {
    return out.lines().toList();
  }

  /** Every line as an object of JSON; its top-level values as text, arrays as their source. */
  List<Map<String, String>> json() {
    return lines().stream().map(Cli::parse).toList();
  }

  static Map<String, String> parse(String line) {
    Map<String, String> fields = new LinkedHashMap<>();
    try (JsonParser parser = new JsonFactory().createParser(line)) {
      expect(parser.nextToken() == JsonToken.START_OBJECT, line);
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        JsonToken value = parser.nextToken();
        int from = (int) parser.currentTokenLocation().getCharOffset();
        String text = parser.getText();
        if (value.isStructStart()) {
          parser.skipChildren();
          text = line.substring(from, (int) parser.currentTokenLocation().getCharOffset() + 1);
        }
        expect(fields.put(name, text) == null, line);
      }
      expect(parser.nextToken() == null, line);
      return fields;
    } catch (IOException e) {
      throw new UncheckedIOException(line, e);
    }
  }

  private static void expect(boolean right, String line) {
    if (!right) {
      throw new AssertionError("not one JSON object: " + line);
    }
  }
}
