package io.gradus.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SplittersTest {

  private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNICODE_CASE;

  static Stream<Arguments> scanners() {
    return Stream.of(
        Arguments.of(new Gpt2Splitter(), Gpt2Splitter.REGEX),
        Arguments.of(new Gpt4Splitter(3), Gpt4Splitter.REGEX),
        Arguments.of(new Gpt4Splitter(1), Gpt4Splitter.REGEX_OF_SINGLE_DIGITS));
  }

  /** Java knows the same Unicode in what its version has assigned at all. */
  @ParameterizedTest
  @MethodSource("scanners")
  void scanners_cut_like_the_expressions_that_they_stand_for(PreTokenizer scanner, String regex) {
    Pattern pattern = Pattern.compile(regex, FLAGS);
    Random random = new Random(2);
    for (int i = 0; i < 50_000; i++) {
      String text = assigned(Texts.random(random));
      List<String> expected = pattern.matcher(text).results().map(match -> match.group()).toList();
      assertEquals(expected, words(scanner, text), () -> Texts.shown(text));
    }
  }

  @ParameterizedTest
  @MethodSource("scanners")
  void scanners_know_every_code_point(PreTokenizer scanner, String regex) {
    Pattern pattern = Pattern.compile(regex, FLAGS);
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      String text = assigned("a" + Character.toString(c) + "1" + Character.toString(c) + " !");
      List<String> expected = pattern.matcher(text).results().map(match -> match.group()).toList();
      assertEquals(expected, words(scanner, text), () -> Texts.shown(text));
    }
  }

  private static String assigned(String text) {
    return text.codePoints()
        .filter(Character::isDefined)
        .filter(c -> Character.getType(c) != Character.SURROGATE)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  private static List<String> words(PreTokenizer splitter, String text) {
    List<String> words = new ArrayList<>();
    splitter.split(text, 0, text.length(), (t, from, to) -> words.add(t.substring(from, to)));
    return words;
  }

  @Test
  void matches_become_what_their_behavior_says() {
    assertWords("REMOVED", false, "a", "b", "c");
    assertWords("ISOLATED", false, "-", "a", "-", "-", "b", "-", "c");
    assertWords("MERGED_WITH_PREVIOUS", false, "-", "a-", "-", "b-", "c");
    assertWords("MERGED_WITH_NEXT", false, "-a", "-", "-b", "-c");
    assertWords("CONTIGUOUS", false, "-", "a", "--", "b", "-", "c");
    assertWords("REMOVED", true, "-", "-", "-", "-");
  }

  private static void assertWords(String behavior, boolean invert, String... words) {
    var splitter =
        new RegexSplitter(Pattern.compile("-"), RegexSplitter.Behavior.valueOf(behavior), invert);
    assertArrayEquals(words, words(splitter, "-a--b-c").toArray(), behavior);
  }

  @Test
  void an_expression_that_needs_a_deep_stack_is_no_stack_overflow() {
    var splitter =
        new RegexSplitter(Pattern.compile("(a|b)*"), RegexSplitter.Behavior.ISOLATED, false);
    String text = "ab".repeat(1_000_000);
    assertEquals(
        "tokenizer: the text is too long for the tokenizer's expression: 2000000 characters; encode"
            + " it in shorter parts",
        assertThrows(IllegalArgumentException.class, () -> words(splitter, text)).getMessage());
  }
}
