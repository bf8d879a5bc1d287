package io.gradus.hub;

import static io.gradus.hub.Unicode.LETTER;
import static io.gradus.hub.Unicode.NUMBER;
import static io.gradus.hub.Unicode.SPACE;

/**
 * GPT-2's words: what its regular expression matches one after the other, without the expression.
 */
final class Gpt2Splitter implements PreTokenizer {

  static final String REGEX =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private static final int KINDS = LETTER | NUMBER | SPACE;

  @Override
  public void split(String text, int from, int to, Words words) {
    for (int start = from; start < to; ) {
      int end = end(text, start, to);
      words.add(text, start, end);
      start = end;
    }
  }

  private static int end(String text, int start, int to) {
    char first = text.charAt(start);
    if (first == '\'') {
      int length = contraction(text, start, to);
      if (length > 0) {
        return start + length;
      }
    }
    // One space may lead any word.
    int at = first == ' ' && start + 1 < to ? start + 1 : start;
    int kind = kind(text.codePointAt(at));
    int end = runEnd(text, at, to, kind);
    return kind == SPACE ? spaceEnd(start, end, to) : end;
  }

  static int kind(int codePoint) {
    return Unicode.kinds(codePoint) & KINDS;
  }

  /** Where code points of another kind begin. */
  static int runEnd(String text, int start, int to, int kind) {
    int end = start;
    while (end < to) {
      int c = text.codePointAt(end);
      if (kind(c) != kind) {
        break;
      }
      end += Character.charCount(c);
    }
    return end;
  }

  /**
   * The last white space before a word is left to that word. It is one char: all are in the BMP.
   */
  static int spaceEnd(int start, int end, int to) {
    return end == to || end - start == 1 ? end : end - 1;
  }

  private static int contraction(String text, int start, int to) {
    char second = start + 1 < to ? text.charAt(start + 1) : 0;
    char third = start + 2 < to ? text.charAt(start + 2) : 0;
    return switch (second) {
      case 's', 't', 'm', 'd' -> 2;
      case 'r', 'v' -> third == 'e' ? 3 : 0;
      case 'l' -> third == 'l' ? 3 : 0;
      default -> 0;
    };
  }
}
