package io.gradus.hub;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The kinds of code points that cut text into words.
 *
 * <p>They come from a table and not from {@link Character}, whose Unicode version is that of the
 * JDK: a text must not become other tokens because a JDK was changed. Letters and numbers are
 * Unicode 16's; punctuation, marks and controls are Unicode 8's, as in the Rust libraries on which
 * Hugging Face's tokenizers stand.
 */
final class Unicode {

  static final int LETTER = 1;
  static final int NUMBER = 2;
  static final int SPACE = 4;
  static final int PUNCTUATION = 8;
  static final int MARK = 16;

  /** Control, format and private use. */
  static final int CONTROL = 32;

  /** Decomposed by newer JDKs only. */
  static final int WHOLE = 64;

  /** A capital that older JDKs do not know. */
  private static final int CAPITAL = 128;

  private static final Map<String, Integer> KINDS =
      Map.of(
          "letter", LETTER,
          "number", NUMBER,
          "space", SPACE,
          "punctuation", PUNCTUATION,
          "mark", MARK,
          "control", CONTROL,
          "whole", WHOLE,
          "lower", CAPITAL);

  private static final Map<Integer, Integer> LOWER = new HashMap<>();

  private static final byte[] NOTHING = new byte[256];
  private static final byte[][] PAGES = pages();

  private Unicode() {}

  private static byte[][] pages() {
    byte[][] pages = new byte[(Character.MAX_CODE_POINT + 1) >> 8][];
    Arrays.fill(pages, NOTHING);
    try (var in =
        new BufferedReader(
            new InputStreamReader(
                Unicode.class.getResourceAsStream("unicode.txt"), StandardCharsets.US_ASCII))) {
      for (String line; (line = in.readLine()) != null; ) {
        if (!line.isEmpty() && !line.startsWith("#")) {
          String[] words = line.split(" ");
          for (int i = 1; i < words.length; i++) {
            String[] range = words[i].split("[-:]");
            int first = Integer.parseInt(range[0], 16);
            boolean lower = words[i].indexOf(':') >= 0;
            int last = Integer.parseInt(range[lower ? range.length - 2 : range.length - 1], 16);
            for (int c = first; c <= last; c++) {
              mark(pages, c, KINDS.get(words[0]));
              if (lower) {
                LOWER.put(c, Integer.parseInt(range[range.length - 1], 16) + c - first);
              }
            }
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return pages;
  }

  private static void mark(byte[][] pages, int codePoint, int kind) {
    byte[] page = pages[codePoint >> 8];
    if (page == NOTHING) {
      page = pages[codePoint >> 8] = new byte[256];
    }
    page[codePoint & 0xFF] |= (byte) kind;
  }

  /** All kinds of a code point, as a set of bits. */
  static int kinds(int codePoint) {
    return PAGES[codePoint >> 8][codePoint & 0xFF] & 0xFF;
  }

  static boolean is(int kinds, int codePoint) {
    return (kinds(codePoint) & kinds) != 0;
  }

  /** Each code point's lower case for itself: a sigma at the end of a word is like any other. */
  static String lower(String text) {
    StringBuilder lower = new StringBuilder(text.length());
    for (int at = 0; at < text.length(); ) {
      int c = text.codePointAt(at);
      if (c < 128) {
        lower.append((char) (c >= 'A' && c <= 'Z' ? c + 32 : c));
      } else if (c == 0x130) {
        lower.append("i\u0307"); // The only capital with two code points in lower case.
      } else {
        lower.appendCodePoint(is(CAPITAL, c) ? LOWER.get(c) : Character.toLowerCase(c));
      }
      at += Character.charCount(c);
    }
    return lower.toString();
  }

  /** What regular expressions call {@code \w}. */
  static boolean isWord(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.NON_SPACING_MARK,
          Character.ENCLOSING_MARK,
          Character.COMBINING_SPACING_MARK,
          Character.DECIMAL_DIGIT_NUMBER,
          Character.CONNECTOR_PUNCTUATION ->
          true;
      default -> Character.isAlphabetic(codePoint) || is(LETTER, codePoint);
    };
  }

  /** The text with U+FFFD for each half of a surrogate pair that stands alone. */
  static String wellFormed(String text) {
    int at = lonelySurrogate(text, 0);
    if (at < 0) {
      return text;
    }
    StringBuilder fixed = new StringBuilder(text);
    for (; at >= 0; at = lonelySurrogate(text, at + 1)) {
      fixed.setCharAt(at, '\uFFFD');
    }
    return fixed.toString();
  }

  private static int lonelySurrogate(String text, int from) {
    for (int i = from; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        if (Character.isLowSurrogate(c)
            || i + 1 == text.length()
            || !Character.isLowSurrogate(text.charAt(i + 1))) {
          return i;
        }
        i++;
      }
    }
    return -1;
  }
}
