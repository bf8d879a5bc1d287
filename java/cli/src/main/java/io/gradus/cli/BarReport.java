package io.gradus.cli;

import java.nio.file.Path;

/** Shows a bar in a terminal instead of a line an epoch. */
final class BarReport extends LogReport {

  private final LiveLine line;

  BarReport(Output out, int columns) {
    super(out);
    line = new LiveLine(out, columns);
  }

  @Override
  public void step(Progress p) {
    line.draw(p.bar());
  }

  @Override
  public void epoch(Progress p, Evaluated evaluated) {}

  @Override
  public void end(TestResult test, String reason, double seconds) {
    line.leave();
    super.end(test, reason, seconds);
  }

  @Override
  public void stopped(long step, Path folder) {
    line.leave();
    super.stopped(step, folder);
  }

  @Override
  public void close() {
    line.close();
  }
}
