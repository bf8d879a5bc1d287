package io.gradus.hub;

import java.util.List;
import java.util.function.Consumer;

/**
 * Text that comes piece by piece and ends before any of some strings. What could be the beginning
 * of one is held back until it is known.
 */
final class StopText {

  private final List<String> stops;
  private final Consumer<String> out;
  private final StringBuilder held = new StringBuilder();
  private boolean stopped;

  StopText(List<String> stops, Consumer<String> out) {
    if (stops.contains("")) {
      throw new IllegalArgumentException(
          "generate: a stop string is empty; leave it out, or give it characters");
    }
    this.stops = List.copyOf(stops);
    this.out = out;
  }

  /** Takes a piece; whether more can come. */
  boolean add(String piece) {
    if (stopped) {
      return false;
    }
    held.append(piece);
    int end = stops.stream().mapToInt(held::indexOf).filter(at -> at >= 0).min().orElse(-1);
    stopped = end >= 0;
    if (stopped) {
      held.setLength(end);
    }
    handOut(stopped ? end : held.length() - begun());
    return !stopped;
  }

  /** How many of the last characters could begin a stop string. */
  private int begun() {
    int longest = 0;
    for (String stop : stops) {
      for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
        if (held.indexOf(stop.substring(0, n), held.length() - n) >= 0) {
          longest = n;
        }
      }
    }
    return longest;
  }

  /** Hands out what is still held: no stop string came of it. */
  void finish() {
    handOut(held.length());
  }

  private void handOut(int count) {
    if (count > 0) {
      String text = held.substring(0, count);
      held.delete(0, count);
      out.accept(text);
    }
  }
}
