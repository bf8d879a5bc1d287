package io.gradus.cli;

/**
 * Draws progress as one line: a bar with what is worth knowing, as much of it as the width takes.
 */
final class ProgressBar {

  private static final int WIDEST = 40;
  private static final int NARROWEST = 8;

  private ProgressBar() {}

  /**
   * A line of less than {@code columns} characters, since a full line makes some terminals wrap.
   */
  static String render(Progress p, int columns, boolean unicode) {
    String epoch = Text.format("epoch %d/%d ", p.epoch(), p.epochs());
    String[] facts = {
      Text.format(" %3d%%", 100 * p.step() / Math.max(1, p.steps())),
      Text.format("  loss %.4f", p.loss()),
      Text.format("  accuracy %s", Text.percent(p.accuracy())),
      Text.format("  %,.0f samples/s", p.samplesPerSecond()),
      Text.format("  %s left", Text.time(p.secondsLeft()))
    };
    int room = columns - 1 - epoch.length() - NARROWEST;
    var text = new StringBuilder();
    for (String fact : facts) {
      if (text.length() + fact.length() > room) {
        break;
      }
      text.append(fact);
    }
    if (room < 0) {
      return epoch.substring(0, Math.max(0, Math.min(epoch.length(), columns - 1)));
    }
    int width = Math.min(WIDEST, NARROWEST + room - text.length());
    return epoch + bar(p, width, unicode) + text;
  }

  private static String bar(Progress p, int width, boolean unicode) {
    int done = (int) (width * p.step() / Math.max(1, p.steps()));
    return (unicode ? "━" : "=").repeat(done) + (unicode ? "─" : "-").repeat(width - done);
  }
}
