package io.gradus.train;

import io.gradus.report.RunLog;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The figures of a training, kept in its state and written to logs. */
final class TrainerLog {

  private final TrainerState state;
  private final List<RunLog> logs = new ArrayList<>();

  TrainerLog(TrainerState state) {
    this.state = state;
  }

  void add(RunLog... more) {
    logs.addAll(List.of(more));
  }

  /** Logs how the training goes. */
  Map<String, Double> training() throws IOException {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("loss", state.takeLoss());
    values.put("grad_norm", state.gradNorm());
    values.put("learning_rate", state.learningRate());
    write("train/", "", values);
    return state.log(values);
  }

  /** Logs an evaluation. */
  Map<String, Double> evaluation(Map<String, Double> metrics) throws IOException {
    write("eval/", Evaluator.PREFIX, metrics);
    return state.log(metrics);
  }

  private void write(String group, String prefix, Map<String, Double> values) throws IOException {
    Map<String, Double> named = new LinkedHashMap<>();
    values.forEach((name, value) -> named.put(group + name.substring(prefix.length()), value));
    for (RunLog log : logs) {
      log.scalars(state.globalStep(), named);
    }
  }

  void flush() throws IOException {
    for (RunLog log : logs) {
      log.flush();
    }
  }
}
