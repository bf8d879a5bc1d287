package io.gradus.cli;

import java.nio.file.Path;

/** Writes JSON lines, whose {@code event} says what their other keys are. */
final class JsonReport implements Report {

  private final Output out;

  JsonReport(Output out) {
    this.out = out;
  }

  @Override
  public void start(Plan plan) {
    out.line(plan.toJson().toString());
  }

  @Override
  public void step(Progress epochSoFar) {}

  @Override
  public void group(Progress p) {
    out.line(progress("step", p).toString());
  }

  @Override
  public void epoch(Progress p, Evaluated evaluated) {
    Json json = progress("epoch", p).put(evaluated.part() + "_loss", evaluated.loss(), 6);
    if (!Double.isNaN(evaluated.accuracy())) {
      json.put(evaluated.part() + "_accuracy", evaluated.accuracy(), 6);
    }
    out.line(json.toString());
  }

  private static Json progress(String event, Progress p) {
    return new Json()
        .put("event", event)
        .put("epoch", p.epoch())
        .put("step", p.step())
        .put("steps", p.steps())
        .put("loss", p.loss(), 6)
        .put("samples_per_s", p.samplesPerSecond(), 1)
        .put("seconds_left", p.secondsLeft(), 1);
  }

  @Override
  public void end(TestResult test, String reason, double seconds) {
    Json json = test.addTo(new Json().put("event", "test")).put("seconds", seconds, 3);
    if (!reason.isEmpty()) {
      json.put("reason", reason);
    }
    out.line(json.toString());
  }

  @Override
  public void stopped(long step, Path folder) {
    out.line(
        new Json()
            .put("event", "stopped")
            .put("step", step)
            .put("folder", folder.toString())
            .toString());
  }

  @Override
  public void saved(Path file, long bytes) {
    out.line(
        new Json()
            .put("event", "saved")
            .put("file", file.toString())
            .put("bytes", bytes)
            .toString());
  }

  @Override
  public void close() {}
}
