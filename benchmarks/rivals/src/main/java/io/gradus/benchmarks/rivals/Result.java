package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Rounds;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What one engine did with one workload. */
final class Result {
  /** How far losses may lie apart after the same steps from the same weights, relatively. */
  static final double TOLERANCE = 1e-4;

  /** What one round found. */
  record Run(String metric, double rate, double residentMb) {
    static Run of(Map<String, String> fields) {
      return new Run(
          fields.get("metric"),
          Double.parseDouble(fields.get("median")),
          Double.parseDouble(fields.get("peak_rss_mb")));
    }
  }

  private final List<Run> runs = new ArrayList<>();
  private double loss = Double.NaN;
  private String failure;

  void add(Run run) {
    runs.add(run);
  }

  void loss(double value) {
    loss = value;
  }

  double loss() {
    return loss;
  }

  void fail(String message) {
    failure = message;
  }

  /** Why it could not be measured; null where it could. */
  String failure() {
    return failure;
  }

  boolean isMeasured() {
    return failure == null && !runs.isEmpty();
  }

  /** Whether it came to the same loss, so that it did the same work. */
  boolean agrees(Result other) {
    return Math.abs(loss - other.loss) <= TOLERANCE * Math.abs(other.loss);
  }

  List<Run> runs() {
    return runs;
  }

  Rounds rate() {
    return Rounds.of(runs, Run::rate);
  }

  double residentMb() {
    return Rounds.of(runs, Run::residentMb).median();
  }

  /** How many times as fast as another one this is, round by round. */
  Rounds ratio(Result other) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < Math.min(runs.size(), other.runs.size()); i++) {
      ratios.add(runs.get(i).rate / other.runs.get(i).rate);
    }
    return Rounds.of(ratios, ratio -> ratio);
  }
}
