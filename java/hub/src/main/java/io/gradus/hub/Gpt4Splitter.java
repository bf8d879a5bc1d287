package io.gradus.hub;

import static io.gradus.hub.Unicode.LETTER;
import static io.gradus.hub.Unicode.NUMBER;
import static io.gradus.hub.Unicode.SPACE;

/** The words of GPT-4 and Llama 3 or, where each digit is a word, of Qwen 2. */
final class Gpt4Splitter implements PreTokenizer {

  private static final String BEFORE_DIGITS =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}";
  private static final String BEHIND_DIGITS =
      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  static final String REGEX = BEFORE_DIGITS + "{1,3}" + BEHIND_DIGITS;
  static final String REGEX_OF_SINGLE_DIGITS = BEFORE_DIGITS + BEHIND_DIGITS;

  private final int maxDigits;

  Gpt4Splitter(int maxDigits) {
    this.maxDigits = maxDigits;
  }

  @Override
  public void split(String text, int from, int to, Words words) {
    for (int start = from; start < to; ) {
      int end = end(text, start, to);
      words.add(text, start, end);
      start = end;
    }
  }

  private int end(String text, int start, int to) {
    int first = text.codePointAt(start);
    int next = start + Character.charCount(first);
    int kind = Gpt2Splitter.kind(first);
    if (first == '\'') {
      int length = contraction(text, start, to);
      if (length > 0) {
        return start + length;
      }
    }
    if (kind == LETTER) {
      return Gpt2Splitter.runEnd(text, start, to, LETTER);
    }
    if (kind == NUMBER) {
      int end = next;
      for (int digits = 1; digits < maxDigits && end < to; digits++) {
        int c = text.codePointAt(end);
        if (Gpt2Splitter.kind(c) != NUMBER) {
          break;
        }
        end += Character.charCount(c);
      }
      return end;
    }
    int nextKind = next < to ? Gpt2Splitter.kind(text.codePointAt(next)) : SPACE;
    if (nextKind == LETTER && !isLineEnd(first)) {
      return Gpt2Splitter.runEnd(text, next, to, LETTER);
    }
    if (kind == 0 || first == ' ' && nextKind == 0) {
      int end = Gpt2Splitter.runEnd(text, kind == 0 ? start : next, to, 0);
      while (end < to && isLineEnd(text.charAt(end))) {
        end++;
      }
      return end;
    }
    int end = Gpt2Splitter.runEnd(text, start, to, SPACE);
    for (int line = end; line > start; line--) {
      if (isLineEnd(text.charAt(line - 1))) {
        return line;
      }
    }
    return Gpt2Splitter.spaceEnd(start, end, to);
  }

  private static boolean isLineEnd(int c) {
    return c == '\r' || c == '\n';
  }

  private static int contraction(String text, int start, int to) {
    char second = start + 1 < to ? text.charAt(start + 1) : 0;
    char third = start + 2 < to ? text.charAt(start + 2) : 0;
    return switch (second) {
      // U+017F, the long s, is an s to whoever overlooks case.
      case 's', 'S', '\u017F', 't', 'T', 'm', 'M', 'd', 'D' -> 2;
      case 'r', 'R', 'v', 'V' -> third == 'e' || third == 'E' ? 3 : 0;
      case 'l', 'L' -> third == 'l' || third == 'L' ? 3 : 0;
      default -> 0;
    };
  }
}
