package io.gradus.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DecoderTest {

  @ParameterizedTest
  @ValueSource(strings = {"golden/bpe-moby-dick.json", "golden/wordpiece.json"})
  void any_ids_decode_as_by_hugging_face_at_once_and_one_by_one(String file) throws IOException {
    Tokenizer tokenizer = Tokenizer.load(Texts.resource(file));
    Random random = new Random(9);
    try (Reference reference = Reference.of(Texts.resource(file))) {
      Tokenizer.Decoder decoder = tokenizer.decoder(false);
      for (int i = 0; i < 5_000; i++) {
        // Bytes in any order are mostly no UTF-8.
        int[] ids =
            random.ints(random.nextInt(20), 0, i % 2 == 0 ? 260 : tokenizer.size()).toArray();
        String text = reference.decode(ids, false);
        assertEquals(text, tokenizer.decode(ids));
        StringBuilder stream = new StringBuilder();
        for (int id : ids) {
          stream.append(decoder.add(id));
        }
        assertEquals(text, stream.append(decoder.finish()).toString());
      }
    }
  }

  @Test
  void text_comes_when_its_characters_are_complete() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(Texts.resource("golden/bpe-moby-dick.json"));
    String text = "a\u00e9\u4e2d\ud83d\ude00";
    Tokenizer.Decoder decoder = tokenizer.decoder(true);
    List<String> parts = new ArrayList<>();
    for (int id : tokenizer.encode(text)) {
      String part = decoder.add(id);
      assertFalse(part.contains("\ufffd"));
      parts.add(part);
    }
    assertEquals(List.of("a", "", "\u00e9", "", "", "\u4e2d", "", "", "", "\ud83d\ude00"), parts);
    assertEquals("", decoder.finish());
    decoder.add(tokenizer.encode(text)[1]);
    assertEquals("\ufffd", decoder.finish());
    assertEquals("", decoder.add(tokenizer.id("<|endoftext|>")));
    assertEquals("a", decoder.add(tokenizer.id("a")));
  }

  @Test
  void ids_that_no_token_has_are_refused() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(Texts.resource("golden/bpe-moby-dick.json"));
    for (int id : new int[] {-1, 1024, Integer.MAX_VALUE}) {
      assertEquals(
          "tokenizer: no token has this id: "
              + id
              + " among 1024; the ids come from another tokenizer or a larger model",
          assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(5, id)).getMessage());
    }
    assertEquals(
        "tokenizer: no such token: <|end|> among 1024; its spelling in tokenizer.json is needed",
        assertThrows(IllegalArgumentException.class, () -> tokenizer.id("<|end|>")).getMessage());
  }
}
