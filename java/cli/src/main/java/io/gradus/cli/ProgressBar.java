package io.gradus.cli;

import java.util.List;

/**
 * Progress as one line: a bar with what is worth knowing, as much of it as the width takes.
 *
 * @param head what stands before the bar
 * @param facts what stands behind it, the most important first
 */
record ProgressBar(String head, long done, long total, List<String> facts) {

  private static final int WIDEST = 40;
  private static final int NARROWEST = 8;

  /**
   * A line of less than {@code columns} characters, since a full line makes some terminals wrap.
   */
  String render(int columns, boolean unicode) {
    int room = columns - 1 - head.length() - NARROWEST;
    if (room < 0) {
      return head.substring(0, Math.max(0, Math.min(head.length(), columns - 1)));
    }
    String text = text(room);
    int width = Math.min(WIDEST, NARROWEST + room - text.length());
    return head + bar(width, unicode) + text;
  }

  private String text(int room) {
    String percent = Text.format(" %3d%%", 100 * done / Math.max(1, total));
    if (percent.length() > room) {
      return "";
    }
    var text = new StringBuilder(percent);
    for (String fact : facts) {
      if (text.length() + 2 + fact.length() > room) {
        break;
      }
      text.append("  ").append(fact);
    }
    return text.toString();
  }

  private String bar(int width, boolean unicode) {
    int full = (int) (width * done / Math.max(1, total));
    return (unicode ? "━" : "=").repeat(full) + (unicode ? "─" : "-").repeat(width - full);
  }
}
