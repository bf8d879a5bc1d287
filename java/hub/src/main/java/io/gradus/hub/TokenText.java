package io.gradus.hub;

import java.nio.charset.StandardCharsets;

/** The text of a token, in UTF-8; a part of a character where tokens are bytes. */
interface TokenText {

  /** Of a token that is the first of a text or not. */
  byte[] bytes(String token, boolean first);

  /** Tokens of bytes. */
  static TokenText byteLevel() {
    return (token, first) -> ByteAlphabet.decode(token);
  }

  /** Words with spaces between them. */
  static TokenText spaced() {
    return (token, first) -> utf8(first ? token : " " + token);
  }

  /** Words with spaces between them, and pieces that continue one; cleaned up as BERT's are. */
  static TokenText wordPiece(String prefix, boolean cleanup) {
    return (token, first) -> {
      String text = token;
      if (!first) {
        text = token.startsWith(prefix) ? token.substring(prefix.length()) : " " + token;
      }
      return utf8(cleanup ? cleaned(text) : text);
    };
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String cleaned(String text) {
    return text.replace(" .", ".")
        .replace(" ?", "?")
        .replace(" !", "!")
        .replace(" ,", ",")
        .replace(" ' ", "'")
        .replace(" n't", "n't")
        .replace(" 'm", "'m")
        .replace(" do not", " don't")
        .replace(" 's", "'s")
        .replace(" 've", "'ve")
        .replace(" 're", "'re");
  }
}
