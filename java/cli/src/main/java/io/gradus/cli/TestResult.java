package io.gradus.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.gradus.data.Batch;
import io.gradus.data.BatchSource;
import io.gradus.metric.ConfusionMatrix;
import io.gradus.nn.Module;
import io.gradus.tensor.Scope;
import io.gradus.train.Objective;
import java.io.IOException;
import java.util.List;

/**
 * How well a network does on a data set.
 *
 * @param loss the mean of all examples
 * @param confusion which classes it takes for which; null where it tells none
 * @param classes their names
 */
record TestResult(double loss, long count, ConfusionMatrix confusion, List<String> classes) {

  private static final int WIDEST = 20; // classes whose confusion a terminal can show

  /** Runs a network, switched to evaluation meanwhile, over a data set. */
  @SuppressWarnings("try") // the scope only has to close
  static TestResult of(
      Network network, Module model, BatchSource<Batch> data, List<String> classes) {
    Objective<Batch> objective = network.objective(model, 0);
    ConfusionMatrix confusion = network.classifies() ? new ConfusionMatrix(classes.size()) : null;
    boolean training = model.isTraining();
    model.eval();
    double loss = 0;
    long count = 0;
    try (BatchSource.Epoch<Batch> batches = data.epoch(0, 0)) {
      while (batches.hasNext()) {
        Batch batch = batches.next();
        try (Scope scope = Scope.open()) {
          Objective.Outcome outcome = objective.compute(objective.tensors(batch));
          loss += outcome.loss().item() * batch.size();
          count += batch.size();
          if (confusion != null) {
            confusion.add(outcome.predictions(), outcome.targets());
          }
        }
      }
    } finally {
      if (training) {
        model.train();
      }
    }
    return new TestResult(loss / count, count, confusion, classes);
  }

  /** For people: {@code accuracy 97.22%, loss 0.1234}. */
  String summary() {
    return confusion == null
        ? Text.format("ELBO %.4f", -loss)
        : Text.format("accuracy %s, loss %.4f", Text.percent(confusion.accuracy()), loss);
  }

  /** For people: the confusion matrix, or where it is too wide what it says of each class. */
  String table() {
    boolean numbered = classes.equals(ImageSource.numbered(classes.size()));
    if (numbered && classes.size() <= WIDEST) {
      return confusion.toString();
    }
    int longest = classes.stream().mapToInt(String::length).max().orElse(0);
    int width = Math.max(5, Math.min(30, longest));
    StringBuilder text = new StringBuilder();
    String head = "%-" + width + "." + width + "s";
    text.append(Text.format(head + "  count  precision  recall     f1%n", "class"));
    for (int label = 0; label < classes.size(); label++) {
      text.append(Text.format(head + "  %5d", classes.get(label), actual(label)));
      text.append(
          Text.format(
              "  %9s  %6s  %5s%n",
              share(confusion.precision(label)),
              share(confusion.recall(label)),
              share(confusion.f1(label))));
    }
    if (classes.size() <= WIDEST) {
      text.append(Text.format("%nactual \\ predicted%n"));
      for (int label = 0; label < classes.size(); label++) {
        text.append(Text.format(head, classes.get(label)));
        for (int predicted = 0; predicted < classes.size(); predicted++) {
          text.append(Text.format(" %6d", confusion.count(label, predicted)));
        }
        text.append(Text.format("%n"));
      }
    }
    return text.toString().stripTrailing();
  }

  private long actual(int label) {
    long count = 0;
    for (int predicted = 0; predicted < classes.size(); predicted++) {
      count += confusion.count(label, predicted);
    }
    return count;
  }

  private static String share(double value) {
    return Double.isNaN(value) ? "-" : Text.format("%.3f", value);
  }

  /** Adds its figures to a line. */
  Json addTo(Json json) {
    json.put("loss", loss, 6);
    if (confusion == null) {
      return json.put("elbo", -loss, 6).put("count", count);
    }
    return json.put("accuracy", confusion.accuracy(), 6)
        .put("count", count)
        .put("confusion", this::rows);
  }

  /** A row for each actual class, a column for each predicted one. */
  private void rows(JsonGenerator to) throws IOException {
    to.writeStartArray();
    for (int label = 0; label < classes.size(); label++) {
      to.writeStartArray();
      for (int predicted = 0; predicted < classes.size(); predicted++) {
        to.writeNumber(confusion.count(label, predicted));
      }
      to.writeEndArray();
    }
    to.writeEndArray();
  }
}
