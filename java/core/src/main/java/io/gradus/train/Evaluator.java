package io.gradus.train;

import io.gradus.data.BatchSource;
import io.gradus.metric.Metric;
import io.gradus.nn.Module;
import io.gradus.tensor.Scope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The loss and the metrics of a model over a whole source of batches. */
final class Evaluator<B> {

  /** What stands before the name of each figure. */
  static final String PREFIX = "eval_";

  private final Module model;
  private final Objective<B> objective;
  private final List<Metric> metrics = new ArrayList<>();

  Evaluator(Module model, Objective<B> objective) {
    this.model = model;
    this.objective = objective;
  }

  List<Metric> metrics() {
    return metrics;
  }

  /** Figures by name; the model is switched to evaluation meanwhile. */
  Map<String, Double> run(BatchSource<B> data) {
    boolean training = model.isTraining();
    model.eval();
    try {
      return figures(data);
    } finally {
      if (training) {
        model.train();
      }
    }
  }

  @SuppressWarnings("try") // the scope only has to close
  private Map<String, Double> figures(BatchSource<B> data) {
    long start = System.nanoTime();
    metrics.forEach(Metric::reset);
    double loss = 0;
    long weight = 0;
    try (BatchSource.Epoch<B> batches = data.epoch(0, 0)) {
      while (batches.hasNext()) {
        B batch = batches.next();
        try (Scope scope = Scope.open()) {
          Objective.Outcome outcome = objective.compute(objective.tensors(batch));
          batches.prepare();
          long here = objective.weight(batch);
          loss += here == 0 ? 0 : outcome.loss().item() * here;
          weight += here;
          count(outcome);
        }
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put(PREFIX + "loss", loss / weight);
    metrics.forEach(
        metric -> metric.values().forEach((name, value) -> figures.put(PREFIX + name, value)));
    figures.put(PREFIX + "runtime", seconds);
    figures.put(PREFIX + "samples_per_second", weight / seconds);
    return figures;
  }

  private void count(Objective.Outcome outcome) {
    if (metrics.isEmpty()) {
      return;
    }
    if (outcome.predictions() == null || outcome.targets() == null) {
      throw new IllegalStateException(
          "trainer: metrics need predictions and targets; let the objective return them");
    }
    metrics.forEach(metric -> metric.add(outcome.predictions(), outcome.targets()));
  }
}
