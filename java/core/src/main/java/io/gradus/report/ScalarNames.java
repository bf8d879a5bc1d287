package io.gradus.report;

import java.math.BigDecimal;
import java.util.Collection;

/** What a figure may be called, in every log: what one of them can hold, all can. */
final class ScalarNames {

  static final String STEP = "step";
  static final String WALL_TIME = "wall_time";

  private ScalarNames() {}

  static void check(String log, Collection<String> names) {
    names.forEach(name -> check(log, name));
  }

  static void check(String log, String name) {
    if (name.isBlank() || name.chars().anyMatch(Character::isISOControl)) {
      throw new IllegalArgumentException(
          log + ": a name must be one line and not empty: \"" + name + "\"");
    }
    if (name.equals(STEP) || name.equals(WALL_TIME)) {
      throw new IllegalArgumentException(
          log + ": the log itself writes what has this name: " + name + "; choose another");
    }
  }

  /** Seconds since 1970, as TensorBoard counts, with three decimals. */
  static String wallTime() {
    return BigDecimal.valueOf(System.currentTimeMillis(), 3).toPlainString();
  }
}
