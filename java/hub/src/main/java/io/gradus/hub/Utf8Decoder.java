package io.gradus.hub;

/**
 * UTF-8 byte by byte, with U+FFFD for what is none: one for each longest start of a character, as
 * the Unicode standard recommends and Rust does. Java's own decoder gives fewer for surrogates.
 */
final class Utf8Decoder {

  private int codePoint;
  private int missing;
  private int least = 0x80;
  private int most = 0xBF;

  void decode(byte[] utf8, StringBuilder text) {
    for (byte b : utf8) {
      decode(b & 0xFF, text);
    }
  }

  private void decode(int b, StringBuilder text) {
    if (missing == 0) {
      begin(b, text);
    } else if (b < least || b > most) {
      finish(text);
      begin(b, text);
    } else {
      codePoint = codePoint << 6 | b & 0x3F;
      least = 0x80;
      most = 0xBF;
      if (--missing == 0) {
        text.appendCodePoint(codePoint);
      }
    }
  }

  private void begin(int b, StringBuilder text) {
    if (b < 0x80) {
      text.append((char) b);
    } else if (b >= 0xC2 && b <= 0xDF) {
      expect(1, b & 0x1F, 0x80, 0xBF);
    } else if (b >= 0xE0 && b <= 0xEF) {
      // Neither a character that fits into two bytes nor a surrogate.
      expect(2, b & 0x0F, b == 0xE0 ? 0xA0 : 0x80, b == 0xED ? 0x9F : 0xBF);
    } else if (b >= 0xF0 && b <= 0xF4) {
      expect(3, b & 0x07, b == 0xF0 ? 0x90 : 0x80, b == 0xF4 ? 0x8F : 0xBF);
    } else {
      text.append('\uFFFD');
    }
  }

  private void expect(int bytes, int bits, int least, int most) {
    missing = bytes;
    codePoint = bits;
    this.least = least;
    this.most = most;
  }

  /** Ends a text, where a character may have been begun. */
  void finish(StringBuilder text) {
    if (missing > 0) {
      text.append('\uFFFD');
    }
    expect(0, 0, 0x80, 0xBF);
  }
}
