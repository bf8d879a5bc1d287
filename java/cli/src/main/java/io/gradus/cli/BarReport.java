package io.gradus.cli;

import io.gradus.train.Evaluation;

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
  public void epoch(Progress p, Evaluation test) {}

  @Override
  public void end(Evaluation test, double seconds) {
    line.leave();
    super.end(test, seconds);
  }

  @Override
  public void close() {
    line.close();
  }
}
