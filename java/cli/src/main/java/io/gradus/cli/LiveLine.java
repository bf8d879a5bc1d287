package io.gradus.cli;

/**
 * A line of a terminal that is written again and again. The cursor stays visible, so that no way to
 * end the process, not even {@code kill -9}, can leave it hidden.
 */
final class LiveLine implements AutoCloseable {

  private static final long REDRAW = 100_000_000; // ns; the eye wants no more
  private static final long MEASURE = 2_000_000_000; // ns; a window is not resized all the time
  private static final String CLEAR_LINE = "\r\033[K";

  private final Output out;
  private final boolean unicode = Terminal.isUnicode();
  private final Thread onInterrupt = new Thread(this::leave);
  private int columns;
  private long measuredAt = System.nanoTime();
  private long drawnAt = System.nanoTime() - REDRAW;
  private volatile boolean onLine;

  LiveLine(Output out, int columns) {
    this.out = out;
    this.columns = columns;
    Runtime.getRuntime().addShutdownHook(onInterrupt);
  }

  /** Draws the bar, unless it was drawn a moment ago and there is more to come. */
  void draw(ProgressBar bar) {
    long time = System.nanoTime();
    if (time - drawnAt >= REDRAW || bar.done() == bar.total()) {
      drawnAt = time;
      if (time - measuredAt >= MEASURE) {
        measuredAt = time;
        columns = Terminal.columns();
      }
      onLine = true;
      out.write(CLEAR_LINE + bar.render(columns, unicode));
    }
  }

  /** Makes room for lines that stay, in the place of this one. */
  void clear() {
    if (onLine) {
      onLine = false;
      out.write(CLEAR_LINE);
    }
  }

  /** What comes next, the shell's prompt or a message, starts on a line of its own. */
  void leave() {
    if (onLine) {
      onLine = false;
      out.line("");
    }
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(onInterrupt);
    } catch (IllegalStateException e) {
      return; // the process ends and the hook runs
    }
    leave();
  }
}
