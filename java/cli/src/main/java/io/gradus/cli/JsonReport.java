package io.gradus.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.gradus.metric.ConfusionMatrix;
import io.gradus.train.Evaluation;
import java.io.IOException;
import java.nio.file.Path;

/** Writes JSON lines, whose {@code event} says what their other keys are. */
final class JsonReport implements Report {

  private final Output out;
  private int classes;

  JsonReport(Output out) {
    this.out = out;
  }

  @Override
  public void start(Plan plan) {
    classes = plan.classes();
    out.line(plan.toJson().toString());
  }

  @Override
  public void step(Progress epochSoFar) {}

  @Override
  public void group(Progress p) {
    out.line(progress("step", p).toString());
  }

  @Override
  public void epoch(Progress p, Evaluation test) {
    out.line(
        progress("epoch", p)
            .put("test_loss", test.loss(), 6)
            .put("test_accuracy", test.accuracy(), 6)
            .toString());
  }

  private static Json progress(String event, Progress p) {
    return new Json()
        .put("event", event)
        .put("epoch", p.epoch())
        .put("step", p.step())
        .put("steps", p.steps())
        .put("loss", p.loss(), 6)
        .put("accuracy", p.accuracy(), 6)
        .put("samples_per_s", p.samplesPerSecond(), 1)
        .put("seconds_left", p.secondsLeft(), 1);
  }

  @Override
  public void end(Evaluation test, double seconds) {
    out.line(
        new Json()
            .put("event", "test")
            .put("loss", test.loss(), 6)
            .put("accuracy", test.accuracy(), 6)
            .put("count", test.confusion().total())
            .put("seconds", seconds, 3)
            .put("confusion", to -> rows(to, test.confusion()))
            .toString());
  }

  /** A row for each actual class, a column for each predicted one. */
  private void rows(JsonGenerator to, ConfusionMatrix matrix) throws IOException {
    to.writeStartArray();
    for (int label = 0; label < classes; label++) {
      to.writeStartArray();
      for (int predicted = 0; predicted < classes; predicted++) {
        to.writeNumber(matrix.count(label, predicted));
      }
      to.writeEndArray();
    }
    to.writeEndArray();
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
