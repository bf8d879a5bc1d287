package io.gradus.train;

import io.gradus.data.JsonTree;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How far a {@link Trainer} is: what a checkpoint says of the loop. */
public final class TrainerState {

  private final long totalSteps;
  private final long batchesPerEpoch;
  private volatile long globalStep; // other threads watch it
  private long epoch;
  private long batch;
  private long samples;
  private long skippedSteps;
  private double lossSum;
  private double loggedSum;
  private long loggedSteps;
  private Step.Result last;
  private double bestMetric = Double.NaN;
  private long bestStep = -1;
  private Map<String, Double> evaluated = Map.of();
  private final List<Map<String, Double>> logHistory = new ArrayList<>();

  TrainerState(long totalSteps, long batchesPerEpoch) {
    this.totalSteps = totalSteps;
    this.batchesPerEpoch = batchesPerEpoch;
  }

  /** Steps taken, those skipped included. */
  public long globalStep() {
    return globalStep;
  }

  /** Steps of the whole training. */
  public long totalSteps() {
    return totalSteps;
  }

  /** The number of the epoch, counted from 0. */
  public long epoch() {
    return epoch;
  }

  /** How many batches of the epoch were used. */
  public long batch() {
    return batch;
  }

  /** How often the data was seen, with the part of the epoch that is on its way. */
  public double epochs() {
    return epoch + (double) batch / batchesPerEpoch;
  }

  /** Examples, or tokens, that were learned from. */
  public long samples() {
    return samples;
  }

  /** Steps that changed nothing because a loss or gradient was not finite. */
  public long skippedSteps() {
    return skippedSteps;
  }

  /** The loss of the last step; NaN before the first. */
  public double loss() {
    return last == null ? Double.NaN : last.loss();
  }

  /** The norm of the last step's gradient before it was clipped; NaN before the first. */
  public double gradNorm() {
    return last == null ? Double.NaN : last.norm();
  }

  /** The learning rate of the last step; NaN before the first. */
  public double learningRate() {
    return last == null ? Double.NaN : last.learningRate();
  }

  /**
   * What was wrong with the last step, where it was skipped; empty where it was not, and where a
   * loss in F16 was scaled too much.
   */
  public String anomaly() {
    return last == null ? "" : last.anomaly();
  }

  /** Whether the last step was skipped. */
  public boolean isSkipped() {
    return last != null && !last.applied();
  }

  /** The mean loss of all steps that were not skipped; NaN where there was none. */
  public double trainingLoss() {
    return lossSum / (globalStep - skippedSteps);
  }

  /** The figure of the best evaluation; NaN before the first. */
  public double bestMetric() {
    return bestMetric;
  }

  /** The step after which it was measured; -1 before the first. */
  public long bestStep() {
    return bestStep;
  }

  /** What was measured last: {@code eval_loss} and others; empty before the first evaluation. */
  public Map<String, Double> evaluated() {
    return Collections.unmodifiableMap(evaluated);
  }

  /** All that was logged, with {@code step} and {@code epoch}. */
  public List<Map<String, Double>> logHistory() {
    return Collections.unmodifiableList(logHistory);
  }

  // For the trainer

  /** Another one of the same training, at its start. */
  TrainerState likeThis() {
    return new TrainerState(totalSteps, batchesPerEpoch);
  }

  boolean isDone() {
    return globalStep >= totalSteps;
  }

  boolean isEpochDone() {
    return batch >= batchesPerEpoch;
  }

  void step(Step.Result result, long batches, long weight) {
    last = result;
    globalStep++;
    batch += batches;
    samples += weight;
    if (result.applied()) {
      lossSum += result.loss();
      loggedSum += result.loss();
      loggedSteps++;
    } else {
      skippedSteps++;
    }
  }

  void endEpoch() {
    epoch++;
    batch = 0;
  }

  /** The mean loss since the last call. */
  double takeLoss() {
    double mean = loggedSum / loggedSteps;
    loggedSum = 0;
    loggedSteps = 0;
    return mean;
  }

  /** Takes notice of an evaluation; says whether it is the best so far. */
  boolean evaluated(Map<String, Double> metrics, double metric, boolean greaterIsBetter) {
    evaluated = new LinkedHashMap<>(metrics);
    boolean first = bestStep < 0 && !Double.isNaN(metric);
    boolean best = first || (greaterIsBetter ? metric > bestMetric : metric < bestMetric);
    if (best) {
      bestMetric = metric;
      bestStep = globalStep;
    }
    return best;
  }

  Map<String, Double> log(Map<String, Double> values) {
    Map<String, Double> entry = new LinkedHashMap<>(values);
    entry.put("epoch", epochs());
    entry.put("step", (double) globalStep);
    logHistory.add(Collections.unmodifiableMap(entry));
    return Collections.unmodifiableMap(entry);
  }

  // Files

  JsonTree toJson() {
    JsonTree json =
        new JsonTree()
            .put("global_step", globalStep)
            .put("epoch", epoch)
            .put("batch", batch)
            .put("batches_per_epoch", batchesPerEpoch)
            .put("samples", samples)
            .put("skipped_steps", skippedSteps)
            .put("loss_sum", lossSum)
            .put("logged_sum", loggedSum)
            .put("logged_steps", loggedSteps)
            .put("best_metric", bestMetric)
            .put("best_step", bestStep)
            .put("evaluated", JsonTree.of(evaluated));
    if (last != null) {
      json.put("last_loss", last.loss())
          .put("last_grad_norm", last.norm())
          .put("last_learning_rate", last.learningRate())
          .put("last_applied", last.applied())
          .put("last_anomaly", last.anomaly());
    }
    return json.put("log_history", logHistory.stream().map(JsonTree::of).toList());
  }

  /**
   * Goes on from another state.
   *
   * @throws IllegalArgumentException where something is missing or cannot be
   */
  void restore(JsonTree json) {
    long there = json.whole("batches_per_epoch");
    if (there != batchesPerEpoch) {
      throw new IllegalArgumentException(
          "resume: the epoch has other batches: "
              + there
              + " there and "
              + batchesPerEpoch
              + " here; resume with the data and the batch size that it began with");
    }
    globalStep = json.count("global_step");
    epoch = json.count("epoch");
    batch = json.count("batch");
    samples = json.count("samples");
    skippedSteps = json.count("skipped_steps");
    lossSum = json.number("loss_sum");
    loggedSum = json.number("logged_sum");
    loggedSteps = json.count("logged_steps");
    bestMetric = json.number("best_metric");
    bestStep = json.whole("best_step");
    evaluated = json.tree("evaluated").numbers();
    last =
        json.has("last_loss")
            ? new Step.Result(
                json.number("last_loss"),
                json.number("last_grad_norm"),
                json.number("last_learning_rate"),
                json.flag("last_applied"),
                json.text("last_anomaly"))
            : null;
    logHistory.clear();
    json.trees("log_history").forEach(entry -> logHistory.add(entry.numbers()));
  }
}
