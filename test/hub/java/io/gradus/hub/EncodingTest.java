package io.gradus.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EncodingTest {

  private static final String BERT = "golden/wordpiece.json";

  @TempDir Path directory;

  @Test
  void pairs_are_cut_and_marked_as_by_hugging_face() throws IOException {
    Path file = Texts.resource(BERT);
    Tokenizer tokenizer = Tokenizer.load(file);
    Random random = new Random(5);
    for (int maxLength : new int[] {3, 4, 7, 8, 16, 33, 500}) {
      try (Reference reference = Reference.cutting(file, maxLength)) {
        for (int i = 0; i < 300; i++) {
          String first = Texts.random(random);
          String second = Texts.random(random);
          assertSameEncoding(
              reference.encodeWithSpecial(first), tokenizer.encode(first, maxLength));
          assertSameEncoding(
              reference.encodeWithSpecial(first, second),
              tokenizer.encode(first, second, maxLength));
        }
      }
    }
  }

  @Test
  void other_templates_stand_where_hugging_face_puts_them() throws IOException {
    String json = Texts.read(BERT);
    int start = json.indexOf("\"post_processor\"");
    int end = json.indexOf("\"decoder\"");
    String[] templates = {
      "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]}",
      "{\"type\":\"RobertaProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2],"
          + "\"trim_offsets\":true,\"add_prefix_space\":false}",
      "{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\",\"add_prefix_space\":true,"
          + "\"trim_offsets\":false,\"use_regex\":true},{\"type\":\"BertProcessing\","
          + "\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]}]}",
      "null"
    };
    for (String template : templates) {
      Path file = directory.resolve("tokenizer.json");
      Files.writeString(
          file,
          json.substring(0, start) + "\"post_processor\":" + template + "," + json.substring(end));
      Tokenizer tokenizer = Tokenizer.load(file);
      try (Reference reference = Reference.cutting(file, 12)) {
        assertSameEncoding(
            reference.encodeWithSpecial("Call me Ishmael. Some years ago"),
            tokenizer.encode("Call me Ishmael. Some years ago", 12));
        assertSameEncoding(
            reference.encodeWithSpecial("Call me Ishmael.", "Some years ago, never mind how long"),
            tokenizer.encode("Call me Ishmael.", "Some years ago, never mind how long", 12));
      }
    }
  }

  private static void assertSameEncoding(Encoding expected, Encoding actual) {
    assertArrayEquals(expected.ids(), actual.ids());
    assertArrayEquals(expected.typeIds(), actual.typeIds());
    assertArrayEquals(expected.attentionMask(), actual.attentionMask());
  }

  @Test
  void padding_stands_behind_and_does_not_count() {
    Encoding encoding = new Encoding(new int[] {5, 6}, new int[] {0, 1}, new int[] {1, 1});
    assertSameEncoding(
        new Encoding(new int[] {5, 6, 9, 9}, new int[] {0, 1, 0, 0}, new int[] {1, 1, 0, 0}),
        encoding.padded(4, 9));
    assertSame(encoding, encoding.padded(2, 9));
    assertEquals(2, encoding.length());
  }

  @Test
  void a_length_without_room_for_the_special_tokens_is_refused() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(Texts.resource(BERT));
    assertEquals(
        "tokenizer: no room for text: a length of 1 and 2 special tokens; allow a greater length",
        assertThrows(IllegalArgumentException.class, () -> tokenizer.encode("a", 1)).getMessage());
  }

  @Test
  void a_vocabulary_file_is_the_tokenizer_that_bert_has() throws IOException {
    Tokenizer golden = Tokenizer.load(Texts.resource(BERT));
    StringBuilder lines = new StringBuilder();
    for (int id = 0; id < golden.size(); id++) {
      lines.append(golden.token(id)).append('\n');
    }
    Path vocabTxt = Files.writeString(directory.resolve("vocab.txt"), lines);
    Tokenizer tokenizer = Tokenizer.loadVocabulary(vocabTxt, true);
    Path saved = directory.resolve("tokenizer.json");
    tokenizer.save(saved);
    Random random = new Random(6);
    try (Reference reference = Reference.of(saved)) {
      for (int i = 0; i < 1_000; i++) {
        String text = Texts.random(random);
        assertArrayEquals(golden.encode(text), tokenizer.encode(text));
        assertSameEncoding(reference.encodeWithSpecial(text), tokenizer.encode(text, 1000));
        assertSameEncoding(
            reference.encodeWithSpecial(text, "Ahab"), tokenizer.encode(text, "Ahab", 1000));
      }
    }
  }

  @Test
  void a_broken_vocabulary_file_is_refused() throws IOException {
    Path file = Files.writeString(directory.resolve("vocab.txt"), "[UNK]\n[CLS]\na\na\n");
    assertEquals(
        "tokenizer: cannot be read: "
            + file
            + ": line 4 repeats line 3; get the file again or another",
        assertThrows(IOException.class, () -> Tokenizer.loadVocabulary(file, true)).getMessage());
    Files.writeString(file, "[UNK]\n[CLS]\na\n");
    assertEquals(
        "tokenizer: cannot be read: "
            + file
            + ": it lacks the token [SEP]; get the file again or another",
        assertThrows(IOException.class, () -> Tokenizer.loadVocabulary(file, true)).getMessage());
  }
}
