package io.gradus.hub;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads and writes Hugging Face's tokenizer.json. */
final class TokenizerJson {

  private static final List<String> PARTS =
      List.of(
          "version",
          "truncation",
          "padding",
          "added_tokens",
          "normalizer",
          "pre_tokenizer",
          "post_processor",
          "decoder");

  private TokenizerJson() {}

  static TokenizerFile read(InputStream file) throws IOException {
    var in = new InputStreamReader(file, StandardCharsets.UTF_8.newDecoder());
    try (JsonParser parser = Json.FACTORY.createParser(in)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("it is no JSON object");
      }
      Map<String, Object> parts = new LinkedHashMap<>();
      Object added = null;
      ModelParts model = null;
      for (String name; (name = parser.nextFieldName()) != null; ) {
        parser.nextToken();
        switch (name) {
          case "model" -> model = ModelParts.read(parser);
          case "added_tokens" -> added = Json.read(parser);
          default -> parts.put(name, Json.read(parser));
        }
      }
      if (parser.currentToken() != JsonToken.END_OBJECT || parser.nextToken() != null) {
        throw new IOException("something follows its closing }");
      }
      if (model == null) {
        throw new IOException("it has no model");
      }
      return new TokenizerFile(
          parts, addedTokens(added), model.settings, model.vocabulary, model.merges);
    }
  }

  private static List<AddedToken> addedTokens(Object list) throws IOException {
    List<AddedToken> tokens = new ArrayList<>();
    Map<String, Object> holder = new HashMap<>();
    holder.put("added_tokens", list);
    for (Settings token : new Settings("list of added tokens", holder).list("added_tokens")) {
      boolean special = token.flag("special", false);
      tokens.add(
          new AddedToken(
              token.number("id", -1),
              token.text("content"),
              token.flag("single_word", false),
              token.flag("lstrip", false),
              token.flag("rstrip", false),
              token.flag("normalized", !special),
              special));
    }
    return tokens;
  }

  /** The model, whose vocabulary and merges are too large for a tree. */
  private static final class ModelParts {

    final Map<String, Object> settings = new LinkedHashMap<>();
    final Map<String, Integer> vocabulary = new LinkedHashMap<>();
    final List<String> merges = new ArrayList<>();

    static ModelParts read(JsonParser in) throws IOException {
      if (in.currentToken() != JsonToken.START_OBJECT) {
        throw new IOException("its model is no object");
      }
      ModelParts model = new ModelParts();
      for (String name; (name = in.nextFieldName()) != null; ) {
        JsonToken value = in.nextToken();
        if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
          model.readVocabulary(in);
        } else if (name.equals("merges") && value == JsonToken.START_ARRAY) {
          model.readMerges(in);
        } else if (value == JsonToken.START_ARRAY) {
          in.skipChildren(); // Models of other types have lists of scores here.
          model.settings.put(name, List.of());
        } else {
          model.settings.put(name, Json.read(in));
        }
      }
      // The oldest files do not say what they are.
      model.settings.putIfAbsent("type", model.merges.isEmpty() ? "WordPiece" : "BPE");
      return model;
    }

    private void readVocabulary(JsonParser in) throws IOException {
      for (String token; (token = in.nextFieldName()) != null; ) {
        if (in.nextToken() != JsonToken.VALUE_NUMBER_INT
            || in.getNumberType() != JsonParser.NumberType.INT) {
          throw new IOException(
              "its vocabulary has " + Json.shown(in.getText()) + " for " + Json.shown(token));
        }
        vocabulary.put(token, in.getIntValue());
      }
    }

    private void readMerges(JsonParser in) throws IOException {
      while (in.nextToken() != JsonToken.END_ARRAY) {
        String left;
        String right;
        if (in.currentToken() == JsonToken.START_ARRAY) {
          left = in.nextTextValue();
          right = in.nextTextValue();
          if (left == null || right == null || in.nextToken() != JsonToken.END_ARRAY) {
            throw new IOException("merge " + merges.size() / 2 + " is not a pair of strings");
          }
        } else {
          String pair = in.currentToken() == JsonToken.VALUE_STRING ? in.getText() : "";
          int space = pair.indexOf(' ');
          if (space < 0 || pair.indexOf(' ', space + 1) >= 0) {
            throw new IOException(
                "merge " + merges.size() / 2 + " is not two tokens: " + Json.shown(pair));
          }
          left = pair.substring(0, space);
          right = pair.substring(space + 1);
        }
        merges.add(left);
        merges.add(right);
      }
    }
  }

  static void write(TokenizerFile file, OutputStream stream) throws IOException {
    try (JsonGenerator out = Json.FACTORY.createGenerator(stream)) {
      out.useDefaultPrettyPrinter();
      out.writeStartObject();
      for (String part : PARTS) {
        out.writeFieldName(part);
        if (part.equals("added_tokens")) {
          writeAdded(out, file.added());
        } else {
          Json.write(out, file.parts().get(part));
        }
      }
      for (var part : file.parts().entrySet()) {
        if (!PARTS.contains(part.getKey())) {
          out.writeFieldName(part.getKey());
          Json.write(out, part.getValue());
        }
      }
      writeModel(out, file);
      out.writeEndObject();
    }
  }

  private static void writeAdded(JsonGenerator out, List<AddedToken> tokens) throws IOException {
    out.writeStartArray();
    for (AddedToken token : tokens) {
      out.writeStartObject();
      out.writeNumberField("id", token.id());
      out.writeStringField("content", token.content());
      out.writeBooleanField("single_word", token.singleWord());
      out.writeBooleanField("lstrip", token.leftStrip());
      out.writeBooleanField("rstrip", token.rightStrip());
      out.writeBooleanField("normalized", token.normalized());
      out.writeBooleanField("special", token.special());
      out.writeEndObject();
    }
    out.writeEndArray();
  }

  private static void writeModel(JsonGenerator out, TokenizerFile file) throws IOException {
    out.writeObjectFieldStart("model");
    for (var setting : file.model().entrySet()) {
      out.writeFieldName(setting.getKey());
      Json.write(out, setting.getValue());
    }
    out.writeObjectFieldStart("vocab");
    var tokens = new ArrayList<>(file.vocabulary().entrySet());
    tokens.sort(Comparator.comparing(Map.Entry::getValue));
    for (var token : tokens) {
      out.writeNumberField(token.getKey(), token.getValue());
    }
    out.writeEndObject();
    if (file.model().get("type").equals("BPE")) {
      writeMerges(out, file.merges());
    }
    out.writeEndObject();
  }

  /** As strings, which every version reads, unless a token has a space in it. */
  private static void writeMerges(JsonGenerator out, List<String> merges) throws IOException {
    boolean spaces = merges.stream().anyMatch(token -> token.indexOf(' ') >= 0);
    out.writeArrayFieldStart("merges");
    for (int i = 0; i < merges.size(); i += 2) {
      if (spaces) {
        out.writeArray(new String[] {merges.get(i), merges.get(i + 1)}, 0, 2);
      } else {
        out.writeString(merges.get(i) + " " + merges.get(i + 1));
      }
    }
    out.writeEndArray();
  }
}
