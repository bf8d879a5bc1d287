package io.gradus.cli;

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
  public void epoch(Progress p, Evaluated evaluated) {
    int digits = Integer.toString(p.epochs()).length();
    out.line(
        "epoch %" + digits + "d/%d  loss %.4f  %s  %,.0f samples/s",
        p.epoch(),
        p.epochs(),
        p.loss(),
        describe(evaluated),
        p.samplesPerSecond());
  }

  private static String describe(Evaluated evaluated) {
    return Double.isNaN(evaluated.accuracy())
        ? Text.format("%s loss %.4f", evaluated.part(), evaluated.loss())
        : Text.format("%s %s", evaluated.part(), Text.percent(evaluated.accuracy()));
  }

  @Override
  public void end(TestResult test, String reason, double seconds) {
    if (!reason.isEmpty()) {
      out.line("stopped early: " + reason);
    }
    out.line("test %s, after %s", test.summary(), Text.duration(seconds));
    if (test.confusion() != null) {
      out.line("");
      out.line(test.table());
      out.line("");
    }
  }

  @Override
  public void stopped(long step, Path folder) {
    out.line("stopped after step %,d; go on with gradus resume %s", step, folder);
  }

  @Override
  public void saved(Path file, long bytes) {
    out.line("saved %s (%s)", file, Text.bytes(bytes));
  }

  @Override
  public void close() {}
}
