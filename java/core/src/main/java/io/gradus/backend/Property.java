package io.gradus.backend;

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

  static void setDefault(String name, String value) {
    if (System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }
}
