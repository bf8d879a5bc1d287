package io.gradus.hub;

import java.text.Normalizer.Form;

/**
 * BERT's view of a text: without control characters and, as it was trained, without accents and
 * capitals; every Chinese character is a word.
 */
record BertNormalizer(
    boolean cleanText, boolean chineseCharacters, boolean stripAccents, boolean lowercase)
    implements Normalizer {

  @Override
  public String normalize(String text) {
    if (cleanText || chineseCharacters) {
      text = clean(text);
    }
    if (stripAccents) {
      text = stripAccents(text);
    }
    return lowercase ? Unicode.lower(text) : text;
  }

  private String clean(String text) {
    StringBuilder clean = new StringBuilder(text.length() + 16);
    for (int at = 0; at < text.length(); ) {
      int c = text.codePointAt(at);
      at += Character.charCount(c);
      if (c >= ' ' && c < 127) {
        clean.append((char) c);
      } else if (chineseCharacters && isChinese(c)) {
        clean.append(' ').appendCodePoint(c).append(' ');
      } else if (!cleanText) {
        clean.appendCodePoint(c);
      } else if (Unicode.is(Unicode.SPACE, c) && !isControl(c)) {
        clean.append(' ');
      } else if (!isControl(c)) {
        clean.appendCodePoint(c);
      }
    }
    return clean.toString();
  }

  private static boolean isControl(int c) {
    boolean blank = c == '\t' || c == '\n' || c == '\r';
    return Unicode.is(Unicode.CONTROL, c) && !blank || c == 0xFFFD;
  }

  /** The blocks that BERT was trained with; U+2B820 to U+2B91F were overlooked, and stay so. */
  private static boolean isChinese(int c) {
    return c >= 0x3400
        && (c <= 0x4DBF
            || c >= 0x4E00 && c <= 0x9FFF
            || c >= 0xF900 && c <= 0xFAFF
            || c >= 0x20000 && c <= 0x2A6DF
            || c >= 0x2A700 && c <= 0x2B81F
            || c >= 0x2B920 && c <= 0x2CEAF
            || c >= 0x2F800 && c <= 0x2FA1F);
  }

  /** No accent moves across what stays as it is, so only the runs between are decomposed. */
  private static String stripAccents(String text) {
    StringBuilder stripped = new StringBuilder(text.length());
    for (int at = 0; at < text.length(); ) {
      int start = at;
      int c = text.codePointAt(at);
      while (!stays(c)) {
        at += Character.charCount(c);
        if (at == text.length()) {
          break;
        }
        c = text.codePointAt(at);
      }
      if (start < at) {
        appendWithoutMarks(text.substring(start, at), stripped);
      } else {
        stripped.appendCodePoint(c);
        at += Character.charCount(c);
      }
    }
    return stripped.toString();
  }

  private static boolean stays(int c) {
    return c < 128 || Unicode.is(Unicode.WHOLE, c);
  }

  private static void appendWithoutMarks(String text, StringBuilder stripped) {
    String decomposed = java.text.Normalizer.normalize(text, Form.NFD);
    for (int at = 0; at < decomposed.length(); ) {
      int c = decomposed.codePointAt(at);
      at += Character.charCount(c);
      if (!Unicode.is(Unicode.MARK, c)) {
        stripped.appendCodePoint(c);
      }
    }
  }
}
