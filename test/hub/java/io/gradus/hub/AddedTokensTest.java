package io.gradus.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AddedTokensTest {

  private static final String[] PIECES = {
    "<a>",
    "<a>b",
    "<A>",
    "<alone>",
    "<left>",
    "<right>",
    "<both>",
    " ",
    "\n",
    "\u3000",
    "x",
    "\u00e9",
    "_",
    "1",
    ".",
    "<",
    "\u00c9t\u00e9",
    "\u00e9t\u00e9",
    "et\u00e9",
    "ete",
    "whale"
  };

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({"golden/bpe-moby-dick.json, 1024", "golden/wordpiece.json, 3000"})
  void they_are_found_where_hugging_face_finds_them(String golden, int next) throws IOException {
    String[] tokens = {
      token("<a>", false, false, false, false, true),
      token("<a>b", false, false, false, false, false),
      token("<alone>", true, false, false, false, true),
      token("<left>", false, true, false, false, false),
      token("<right>", false, false, true, false, true),
      token("<both>", true, true, true, false, false),
      token("\u00c9t\u00e9", false, false, false, true, false),
      token("whale", true, true, false, true, false)
    };
    String json = Texts.read(golden);
    int end = json.lastIndexOf("]", json.indexOf("\"normalizer\""));
    StringBuilder added = new StringBuilder();
    for (int i = 0; i < tokens.length; i++) {
      boolean known = golden.contains("wordpiece") && tokens[i].contains("whale");
      int id = known ? Tokenizer.load(Texts.resource(golden)).id("whale") : next++;
      added.append(", ").append(tokens[i].formatted(id));
    }
    Path file = directory.resolve("tokenizer.json");
    Files.writeString(file, json.substring(0, end) + added + json.substring(end));
    Tokenizer tokenizer = Tokenizer.load(file);
    Path saved = directory.resolve("saved.json");
    tokenizer.save(saved);
    Tokenizer again = Tokenizer.load(saved);
    Random random = new Random(4);
    try (Reference reference = Reference.of(file)) {
      for (int i = 0; i < 5_000; i++) {
        StringBuilder builder = new StringBuilder();
        for (int n = random.nextInt(8); n > 0; n--) {
          builder.append(PIECES[random.nextInt(PIECES.length)]);
        }
        String text = builder.toString();
        int[] ids = reference.encode(text);
        assertArrayEquals(ids, tokenizer.encode(text), () -> Texts.shown(text));
        assertArrayEquals(ids, again.encode(text));
        assertEquals(reference.decode(ids, true), tokenizer.decode(ids, true));
      }
    }
  }

  private static String token(
      String content,
      boolean single,
      boolean left,
      boolean right,
      boolean normalized,
      boolean special) {
    return ("{\"id\":%%d,\"content\":\"%s\",\"single_word\":%s,\"lstrip\":%s,\"rstrip\":%s,"
            + "\"normalized\":%s,\"special\":%s}")
        .formatted(content, single, left, right, normalized, special);
  }

  @Test
  void special_tokens_are_known_by_name_and_id() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(Texts.resource("golden/wordpiece.json"));
    assertEquals(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), tokenizer.specialTokens());
    assertEquals(4, tokenizer.id("[MASK]"));
    assertEquals("[MASK]", tokenizer.token(4));
    assertTrue(tokenizer.isSpecial(4));
    assertFalse(tokenizer.isSpecial(5));
    assertTrue(tokenizer.contains("whale"));
    assertFalse(tokenizer.contains("Whale"));
    assertEquals(3000, tokenizer.size());
  }
}
