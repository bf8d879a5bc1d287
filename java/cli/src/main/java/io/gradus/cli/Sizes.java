package io.gradus.cli;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Sizes of layers as one text: {@code 64-128-10}. */
final class Sizes {

  private static final int LARGEST = 1 << 24;

  private Sizes() {}

  static String text(List<Integer> sizes) {
    return sizes.stream().map(String::valueOf).collect(Collectors.joining("-"));
  }

  static List<Integer> parse(String text) {
    if (text.isEmpty()) {
      return List.of();
    }
    try {
      return Arrays.stream(text.split("-")).map(size -> of(Long.parseLong(size))).toList();
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("sizes: must be numbers with dashes: " + text, e);
    }
  }

  /** A size that stands in a file, where it can be one: memory is taken for it. */
  static int of(long value) {
    if (value < 0 || value > LARGEST) {
      throw new IllegalArgumentException("sizes: must lie in 0 to " + LARGEST + ": " + value);
    }
    return (int) value;
  }
}
