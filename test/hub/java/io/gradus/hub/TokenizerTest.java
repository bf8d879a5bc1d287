package io.gradus.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Ids and texts are those of Hugging Face's library, for every kind of tokenizer. */
class TokenizerTest {

  private static final int RANDOM_TEXTS = 5_000;

  @TempDir Path directory;

  /** A golden file, and what is replaced in it. */
  record Kind(String name, String file, String... replacements) {
    Path in(Path directory) throws IOException {
      String json = Texts.read(file).replaceAll("\\s*\n\\s*", " ");
      for (int i = 0; i < replacements.length; i += 2) {
        String changed = json.replace(replacements[i], replacements[i + 1]);
        if (changed.equals(json)) {
          throw new AssertionError(name + " has no " + replacements[i]);
        }
        json = changed;
      }
      return Files.writeString(directory.resolve("tokenizer.json"), json);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static final String GPT2 = "golden/bpe-moby-dick.json";
  private static final String BERT = "golden/wordpiece.json";
  private static final String BYTE_LEVEL =
      "\"pre_tokenizer\": { \"type\": \"ByteLevel\", \"add_prefix_space\": false, "
          + "\"trim_offsets\": true, \"use_regex\": true }";

  /** Splits by an expression instead. */
  private static Kind splitting(String name, String regex, String... more) {
    String split =
        "\"pre_tokenizer\": { \"type\": \"Sequence\", \"pretokenizers\": [ { \"type\": \"Split\","
            + " \"pattern\": { \"Regex\": \""
            + regex.replace("\\", "\\\\")
            + "\" }, \"behavior\": \"Isolated\", \"invert\": false }, { \"type\": \"ByteLevel\","
            + " \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false } ] }";
    String[] replacements = Arrays.copyOf(more, more.length + 2);
    replacements[more.length] = BYTE_LEVEL;
    replacements[more.length + 1] = split;
    return new Kind(name, GPT2, replacements);
  }

  static Stream<Kind> kinds() {
    return Stream.of(
        new Kind("GPT-2", GPT2),
        new Kind(
            "GPT-2 with a prefix space",
            GPT2,
            "\"add_prefix_space\": false",
            "\"add_prefix_space\": true"),
        splitting("GPT-2 by expression", Gpt2Splitter.REGEX),
        splitting(
            "Llama 3", Gpt4Splitter.REGEX, "\"ignore_merges\": false", "\"ignore_merges\": true"),
        splitting("Qwen 2", Gpt4Splitter.REGEX_OF_SINGLE_DIGITS),
        new Kind("BERT", BERT),
        new Kind("BERT with accents", BERT, "\"strip_accents\": null", "\"strip_accents\": false"),
        new Kind("BERT with capitals", BERT, "\"lowercase\": true", "\"lowercase\": false"),
        new Kind("BERT without cleaning", BERT, "\"clean_text\": true", "\"clean_text\": false"));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void real_text_has_the_same_tokens(Kind kind) throws IOException {
    Path file = kind.in(directory);
    Tokenizer tokenizer = Tokenizer.load(file);
    String text = Texts.read("moby-dick.txt");
    try (Reference reference = Reference.of(file)) {
      int[] ids = reference.encode(text);
      assertArrayEquals(ids, tokenizer.encode(text));
      assertEquals(reference.decode(ids, false), tokenizer.decode(ids));
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void a_file_in_parts_has_the_tokens_of_its_text(Kind kind) throws IOException {
    Tokenizer tokenizer = Tokenizer.load(kind.in(directory));
    String text = Texts.read("moby-dick.txt").repeat(3);
    IntList ids = new IntList();
    tokenizer.encode(Files.writeString(directory.resolve("text"), text), ids::addAll);
    assertArrayEquals(tokenizer.encode(text), ids.toArray());
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void random_text_has_the_same_tokens(Kind kind) throws IOException {
    Path file = kind.in(directory);
    Tokenizer tokenizer = Tokenizer.load(file);
    Random random = new Random(1);
    try (Reference reference = Reference.of(file)) {
      for (int i = 0; i < RANDOM_TEXTS; i++) {
        String text = Texts.random(random);
        int[] ids = reference.encode(text);
        int[] ours = tokenizer.encode(text);
        assertArrayEquals(
            ids,
            ours,
            () ->
                Texts.shown(text)
                    + " is "
                    + words(tokenizer, ours)
                    + ", not "
                    + words(tokenizer, ids));
        assertEquals(reference.decode(ids, false), tokenizer.decode(ids), () -> Texts.shown(text));
        assertEquals(reference.decode(ids, true), tokenizer.decode(ids, true));
      }
    }
  }

  private static String words(Tokenizer tokenizer, int[] ids) {
    return Arrays.stream(ids).mapToObj(tokenizer::token).toList().toString();
  }
}
