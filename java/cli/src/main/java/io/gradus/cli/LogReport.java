package io.gradus.cli;

import io.gradus.train.Evaluation;
import java.nio.file.Path;

/** Writes one line an epoch, for logs and pipes. */
class LogReport implements Report {

  final Output out;

  LogReport(Output out) {
    this.out = out;
  }

  @Override
  public void start(Plan plan) {
    out.line(plan.toString());
  }

  @Override
  public void step(Progress epochSoFar) {}

  @Override
  public void group(Progress group) {}

  @Override
  public void epoch(Progress p, Evaluation test) {
    int digits = Integer.toString(p.epochs()).length();
    out.line(
        "epoch %" + digits + "d/%d  loss %.4f  accuracy %s  test %s  %,.0f samples/s",
        p.epoch(),
        p.epochs(),
        p.loss(),
        Text.percent(p.accuracy()),
        Text.percent(test.accuracy()),
        p.samplesPerSecond());
  }

  @Override
  public void end(Evaluation test, double seconds) {
    out.line(
        "test accuracy %s, loss %.4f, after %s",
        Text.percent(test.accuracy()), test.loss(), Text.duration(seconds));
    out.line("");
    out.line(test.confusion().toString());
    out.line("");
  }

  @Override
  public void saved(Path file, long bytes) {
    out.line("saved %s (%s)", file, Text.bytes(bytes));
  }

  @Override
  public void close() {}
}
