package io.gradus.backend;

import java.util.List;

/** The system properties {@code gradus.*}, which are refused by name where they make no sense. */
final class Property {

  private Property() {}

  /** A number of threads. */
  static int threads(String name, int otherwise) {
    long value = number(name, otherwise);
    if (value < 1 || value > 1024) {
      throw new IllegalArgumentException(name + ": must lie in 1 to 1024: " + value);
    }
    return (int) value;
  }

  static long number(String name, long otherwise) {
    String text = System.getProperty(name);
    if (text == null) {
      return otherwise;
    }
    try {
      return Long.parseLong(text.trim());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(name + ": not a whole number: " + text, e);
    }
  }

  /** False unless it is set. */
  static boolean flag(String name) {
    String text = System.getProperty(name, "false");
    if (!text.equals("true") && !text.equals("false")) {
      throw new IllegalArgumentException(name + ": must be true or false: " + text);
    }
    return text.equals("true");
  }

  /** One of a few words, the first one unless it is set. */
  static String choice(String name, String... words) {
    String text = System.getProperty(name, words[0]);
    if (!List.of(words).contains(text)) {
      String last = words[words.length - 1];
      throw new IllegalArgumentException(
          name
              + ": must be "
              + String.join(", ", List.of(words).subList(0, words.length - 1))
              + " or "
              + last
              + ": "
              + text);
    }
    return text;
  }

  static void setDefault(String name, String value) {
    if (System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }
}
