package io.gradus.cli;

import java.util.Locale;

/** Numbers as people read them, the same in every locale. */
final class Text {

  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};

  private Text() {}

  static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** {@code 1.5 GiB}. */
  static String bytes(long bytes) {
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < UNITS.length - 1) {
      value /= 1024;
      unit++;
    }
    return format(unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
  }

  /** {@code 0:07}, {@code 1:02:03}; unknown and endless times are {@code -:--}. */
  static String time(double seconds) {
    if (!(seconds < 1e7)) {
      return "-:--";
    }
    long s = Math.round(seconds);
    return s < 3600
        ? format("%d:%02d", s / 60, s % 60)
        : format("%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
  }

  /** {@code 3.1 s}, and from a minute on {@code 1:05 min}. */
  static String duration(double seconds) {
    return seconds < 60
        ? format("%.1f s", seconds)
        : time(seconds) + (seconds < 3600 ? " min" : " h");
  }

  /** {@code 97.22%}. */
  static String percent(double share) {
    return format("%.2f%%", 100 * share);
  }
}
