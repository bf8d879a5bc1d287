package io.gradus.cli;

import io.gradus.train.Evaluation;

/**
 * Rewrites one line of a terminal with a bar. The cursor stays visible, so that no way to end the
 * process, not even {@code kill -9}, can leave it hidden.
 */
final class BarReport extends LogReport {

  private static final long REDRAW = 100_000_000; // ns; the eye wants no more
  private static final long MEASURE = 2_000_000_000; // ns; a window is not resized all the time
  private static final String CLEAR_LINE = "\r\033[K";

  private final boolean unicode = Terminal.isUnicode();
  private final Thread onInterrupt = new Thread(this::leaveLine);
  private int columns;
  private long measuredAt = System.nanoTime();
  private long drawnAt = System.nanoTime() - REDRAW;
  private volatile boolean onLine;

  BarReport(Output out, int columns) {
    super(out);
    this.columns = columns;
    Runtime.getRuntime().addShutdownHook(onInterrupt);
  }

  @Override
  public void step(Progress p) {
    long time = System.nanoTime();
    if (time - drawnAt >= REDRAW || p.step() == p.steps()) {
      drawnAt = time;
      if (time - measuredAt >= MEASURE) {
        measuredAt = time;
        columns = Terminal.columns();
      }
      onLine = true;
      out.write(CLEAR_LINE + ProgressBar.render(p, columns, unicode));
    }
  }

  @Override
  public void epoch(Progress p, Evaluation test) {}

  @Override
  public void end(Evaluation test, double seconds) {
    leaveLine();
    super.end(test, seconds);
  }

  /** What comes next, the shell's prompt or a message, starts on a line of its own. */
  private void leaveLine() {
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
    leaveLine();
  }
}
