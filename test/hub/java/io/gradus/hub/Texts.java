package io.gradus.hub;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** The texts and files that tests share. */
final class Texts {

  private static final String[] CORNERS = {
    " ",
    "  ",
    "\n",
    "\r\n",
    "\t",
    "\u00a0",
    "\u3000",
    "\u2028",
    "\u0085",
    "\u200b",
    "\ufeff",
    "'s",
    "'re",
    "'LL",
    "'",
    "n't",
    "don't",
    "...",
    "!?",
    "###",
    "12345",
    "\u0663",
    "\u00bd",
    "\u2167",
    "e\u0301",
    "\u0301\u0323",
    "\u00e9",
    "\u0130",
    "\u03a3\u03c2",
    "\u00df",
    "\ufb01",
    "\uac00",
    "\u1100\u1161\u11a8",
    "\u4e2d\u6587",
    "\ufffd",
    "\u0000",
    "\u001b",
    "\u00ad",
    "\ud83d\ude00",
    "\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67",
    "\ud83c\udde9\ud83c\uddea",
    "\u2764\ufe0f",
    "<|endoftext|>",
    "[MASK]",
    "[CLS]",
    "[UNK]",
    "##s",
    "The",
    " whale",
    "Ishmael",
    "\ud840\udc00",
    "\udb40\udc41",
    "\ud800\udc00"
  };

  /** Letters of these are as likely as those of the whole range. */
  private static final int[] BLOCKS = {
    0x20, 0x80, 0x300, 0x400, 0x590, 0x900, 0x2000, 0x3000, 0x1F600
  };

  private Texts() {}

  static Path resource(String name) {
    try {
      return Path.of(Texts.class.getResource("/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  static String read(String resource) {
    try {
      return Files.readString(resource(resource));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Well-formed text of all planes, of which much is odd. */
  static String random(Random random) {
    StringBuilder text = new StringBuilder();
    int parts = random.nextInt(24);
    for (int i = 0; i < parts; i++) {
      switch (random.nextInt(4)) {
        case 0 -> text.append(CORNERS[random.nextInt(CORNERS.length)]);
        case 1 ->
            text.appendCodePoint(BLOCKS[random.nextInt(BLOCKS.length)] + random.nextInt(0x70));
        case 2 -> {
          for (int n = random.nextInt(8); n > 0; n--) {
            text.append((char) ('a' + random.nextInt(26)));
          }
        }
        default -> text.appendCodePoint(codePoint(random));
      }
    }
    return text.toString();
  }

  private static int codePoint(Random random) {
    int bits = 7 + random.nextInt(15);
    while (true) {
      int c = random.nextInt(Math.min(1 << bits, Character.MAX_CODE_POINT + 1));
      if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
        return c;
      }
    }
  }

  /** A string with its odd characters as escapes, for messages. */
  static String shown(String text) {
    StringBuilder shown = new StringBuilder();
    text.chars()
        .forEach(
            c -> shown.append(c >= ' ' && c < 127 ? "" + (char) c : String.format("\\u%04x", c)));
    return shown.toString();
  }
}
