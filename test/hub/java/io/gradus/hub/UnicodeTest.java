package io.gradus.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class UnicodeTest {

  @Test
  void letters_and_numbers_are_the_jdks_where_it_knows_them() {
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      int expected =
          switch (Character.getType(c)) {
            case Character.UPPERCASE_LETTER,
                Character.LOWERCASE_LETTER,
                Character.TITLECASE_LETTER,
                Character.MODIFIER_LETTER,
                Character.OTHER_LETTER ->
                Unicode.LETTER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
                Unicode.NUMBER;
            default -> 0;
          };
      if (Character.isDefined(c)) {
        int kinds = Unicode.kinds(c) & (Unicode.LETTER | Unicode.NUMBER);
        assertEquals(expected, kinds, Integer.toHexString(c));
      }
    }
  }

  @Test
  void half_a_pair_of_surrogates_is_a_replacement_character() throws IOException {
    assertEquals("\ufffda\ufffd", Unicode.wellFormed("\ud800a\udc00"));
    assertEquals("\ufffd\ud83d\ude00\ufffd", Unicode.wellFormed("\ud83d\ud83d\ude00\ud83d"));
    assertEquals("\ufffd\ufffd", Unicode.wellFormed("\udc00\ud800"));
    String whole = "a\ud83d\ude00";
    assertSame(whole, Unicode.wellFormed(whole));

    Tokenizer tokenizer = Tokenizer.load(Texts.resource("golden/bpe-moby-dick.json"));
    assertArrayEquals(tokenizer.encode("a\ufffdb"), tokenizer.encode("a\ud800b"));
    assertEquals("a\ufffdb", tokenizer.decode(tokenizer.encode("a\udfffb")));
  }

  @Test
  void lower_case_is_that_of_each_letter() {
    assertEquals(
        "a\u03c3 i\u0307 \u0433 \ud801\uddb3", Unicode.lower("A\u03a3 \u0130 \u0413 \ud801\udd8c"));
  }
}
