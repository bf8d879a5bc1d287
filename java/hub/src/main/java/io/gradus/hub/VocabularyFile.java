package io.gradus.hub;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** BERT's vocab.txt: a token a line, its id the number of the line. */
final class VocabularyFile {

  private static final List<String> SPECIAL = List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");

  private VocabularyFile() {}

  static TokenizerFile read(InputStream file, boolean lowercase) throws IOException {
    var in = new BufferedReader(new InputStreamReader(file, StandardCharsets.UTF_8.newDecoder()));
    Map<String, Integer> vocabulary = new HashMap<>();
    for (String line; (line = in.readLine()) != null; ) {
      Integer earlier = vocabulary.putIfAbsent(line.stripTrailing(), vocabulary.size());
      if (earlier != null) {
        throw new IOException("line " + (vocabulary.size() + 1) + " repeats line " + (earlier + 1));
      }
    }
    for (String token : SPECIAL.subList(1, 4)) {
      if (!vocabulary.containsKey(token)) {
        throw new IOException("it lacks the token " + token);
      }
    }
    return of(vocabulary, lowercase);
  }

  static TokenizerFile of(Map<String, Integer> vocabulary, boolean lowercase) {
    List<AddedToken> added = new ArrayList<>();
    for (String token : SPECIAL) {
      if (vocabulary.containsKey(token)) {
        added.add(AddedToken.special(vocabulary.get(token), token));
      }
    }
    Map<String, Object> parts =
        Json.object(
            "version",
            "1.0",
            "normalizer",
            Json.object(
                "type",
                "BertNormalizer",
                "clean_text",
                true,
                "handle_chinese_chars",
                true,
                "strip_accents",
                null,
                "lowercase",
                lowercase),
            "pre_tokenizer",
            Json.object("type", "BertPreTokenizer"),
            "post_processor",
            Json.object(
                "type",
                "BertProcessing",
                "sep",
                List.of("[SEP]", vocabulary.get("[SEP]")),
                "cls",
                List.of("[CLS]", vocabulary.get("[CLS]"))),
            "decoder",
            Json.object("type", "WordPiece", "prefix", "##", "cleanup", true));
    Map<String, Object> model =
        Json.object(
            "type",
            "WordPiece",
            "unk_token",
            "[UNK]",
            "continuing_subword_prefix",
            "##",
            "max_input_chars_per_word",
            100);
    return new TokenizerFile(parts, added, model, vocabulary, List.of());
  }
}
