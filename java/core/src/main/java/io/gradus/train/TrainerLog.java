package io.gradus.train;

import io.gradus.report.RunLog;
import io.gradus.report.TensorBoardLog;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The figures of a training, kept in its state and written to logs. */
final class TrainerLog implements AutoCloseable {

  private final TrainerState state;
  private final List<RunLog> logs = new ArrayList<>();
  private TensorBoardLog own; // null for none

  TrainerLog(TrainerState state) {
    this.state = state;
  }

  void add(RunLog... more) {
    logs.addAll(List.of(more));
  }

  /** Writes for TensorBoard too until it is closed; null for nowhere. */
  void open(Path folder) throws IOException {
    if (folder != null) {
      own = new TensorBoardLog(folder);
      logs.add(own);
    }
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

  /** Hands everything to the system; logs that others opened stay open. */
  @Override
  public void close() throws IOException {
    for (RunLog log : logs) {
      log.flush();
    }
    if (own != null) {
      logs.remove(own);
      own.close();
      own = null;
    }
  }
}
