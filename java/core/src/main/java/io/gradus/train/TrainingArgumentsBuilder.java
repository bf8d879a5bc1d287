package io.gradus.train;

import io.gradus.data.ConfigFile;
import java.nio.file.Path;

/** The settings of a training, each with the value that it has where it is not set. */
public final class TrainingArgumentsBuilder {

  /** The type that a file of arguments states. */
  static final String TYPE = "training";

  private final ConfigFile values =
      new ConfigFile(TYPE)
          .put("outputDir", "")
          .put("overwriteOutputDir", false)
          .put("numTrainEpochs", 3.0)
          .put("maxSteps", -1L)
          .put("perDeviceTrainBatchSize", 8)
          .put("perDeviceEvalBatchSize", 8)
          .put("gradientAccumulationSteps", 1)
          .put("learningRate", 5e-5)
          .put("lrSchedulerType", SchedulerType.LINEAR)
          .put("plateauFactor", 0.1)
          .put("plateauPatience", 10L)
          .put("warmupSteps", 0L)
          .put("warmupRatio", 0.0)
          .put("weightDecay", 0.0)
          .put("adamBeta1", 0.9)
          .put("adamBeta2", 0.999)
          .put("adamEpsilon", 1e-8)
          .put("emaDecay", 0.0)
          .put("maxGradNorm", 1.0)
          .put("loggingDir", "")
          .put("loggingStrategy", IntervalStrategy.STEPS)
          .put("loggingSteps", 500L)
          .put("loggingFirstStep", false)
          .put("evalStrategy", IntervalStrategy.NO)
          .put("evalSteps", 500L)
          .put("saveStrategy", IntervalStrategy.STEPS)
          .put("saveSteps", 500L)
          .put("saveTotalLimit", 0)
          .put("loadBestModelAtEnd", false)
          .put("metricForBestModel", "loss")
          .put("greaterIsBetter", "")
          .put("seed", 42L)
          .put("bf16", false)
          .put("fp16", false)
          .put("gradientCheckpointing", false)
          .put("dataloaderDropLast", false)
          .put("dataloaderNumWorkers", 0)
          .put("dataloaderPrefetchFactor", 2)
          .put("captureGraph", true)
          .put("nonFinite", NonFinite.STOP)
          .put("explodingGradNorm", 0.0)
          .put("detectAnomaly", false);

  TrainingArgumentsBuilder() {}

  /** Takes the values that a file has; others stay as they are. */
  TrainingArgumentsBuilder replaceAll(ConfigFile file) {
    values.replaceAll(file);
    return this;
  }

  /**
   * The arguments.
   *
   * @throws IllegalArgumentException where one is wrong or two do not go together
   */
  public TrainingArguments build() {
    return TrainingArguments.of(values);
  }

  /** Where checkpoints go, made where it is missing. */
  public TrainingArgumentsBuilder outputDir(Path outputDir) {
    values.put("outputDir", outputDir.toString());
    return this;
  }

  /** Whether a new training may remove the checkpoints of an old one in {@code outputDir}. */
  public TrainingArgumentsBuilder overwriteOutputDir(boolean overwriteOutputDir) {
    values.put("overwriteOutputDir", overwriteOutputDir);
    return this;
  }

  /** How often the data is seen; a part of an epoch counts too. */
  public TrainingArgumentsBuilder numTrainEpochs(double numTrainEpochs) {
    values.put("numTrainEpochs", numTrainEpochs);
    return this;
  }

  /** The number of steps, whatever the epochs; -1 for {@code numTrainEpochs}. */
  public TrainingArgumentsBuilder maxSteps(long maxSteps) {
    values.put("maxSteps", maxSteps);
    return this;
  }

  /** Examples in one pass; a batch source that is given has its own. */
  public TrainingArgumentsBuilder perDeviceTrainBatchSize(int perDeviceTrainBatchSize) {
    values.put("perDeviceTrainBatchSize", perDeviceTrainBatchSize);
    return this;
  }

  /** Examples in one pass of an evaluation, likewise. */
  public TrainingArgumentsBuilder perDeviceEvalBatchSize(int perDeviceEvalBatchSize) {
    values.put("perDeviceEvalBatchSize", perDeviceEvalBatchSize);
    return this;
  }

  /**
   * Batches whose mean gradient makes one step; fewer at the end of an epoch where they do not fit.
   */
  public TrainingArgumentsBuilder gradientAccumulationSteps(int gradientAccumulationSteps) {
    values.put("gradientAccumulationSteps", gradientAccumulationSteps);
    return this;
  }

  /** The highest rate, after the warm-up. */
  public TrainingArgumentsBuilder learningRate(double learningRate) {
    values.put("learningRate", learningRate);
    return this;
  }

  /** How it goes after the warm-up. */
  public TrainingArgumentsBuilder lrSchedulerType(SchedulerType lrSchedulerType) {
    values.put("lrSchedulerType", lrSchedulerType);
    return this;
  }

  /** What the rate of {@code REDUCE_ON_PLATEAU} is multiplied by; 0.1 at first. */
  public TrainingArgumentsBuilder plateauFactor(double plateauFactor) {
    values.put("plateauFactor", plateauFactor);
    return this;
  }

  /** How many evaluations in a row it may see without an improvement; 10 at first. */
  public TrainingArgumentsBuilder plateauPatience(long plateauPatience) {
    values.put("plateauPatience", plateauPatience);
    return this;
  }

  /** Steps over which it rises; 0 for {@code warmupRatio}. */
  public TrainingArgumentsBuilder warmupSteps(long warmupSteps) {
    values.put("warmupSteps", warmupSteps);
    return this;
  }

  /** The share of all steps over which it rises. */
  public TrainingArgumentsBuilder warmupRatio(double warmupRatio) {
    values.put("warmupRatio", warmupRatio);
    return this;
  }

  /** Of parameters with two axes or more: not of biases and norms. */
  public TrainingArgumentsBuilder weightDecay(double weightDecay) {
    values.put("weightDecay", weightDecay);
    return this;
  }

  /** How much of the average of gradients a step keeps. */
  public TrainingArgumentsBuilder adamBeta1(double adamBeta1) {
    values.put("adamBeta1", adamBeta1);
    return this;
  }

  /** How much of the average of their squares a step keeps. */
  public TrainingArgumentsBuilder adamBeta2(double adamBeta2) {
    values.put("adamBeta2", adamBeta2);
    return this;
  }

  /** Keeps AdamW's division finite. */
  public TrainingArgumentsBuilder adamEpsilon(double adamEpsilon) {
    values.put("adamEpsilon", adamEpsilon);
    return this;
  }

  /**
   * How much of an exponential moving average of the weights, which is what is evaluated and what
   * the model has in the end, each step keeps; 0 for none.
   */
  public TrainingArgumentsBuilder emaDecay(double emaDecay) {
    values.put("emaDecay", emaDecay);
    return this;
  }

  /** Gradients are scaled down to this norm where they exceed it; 0 for no limit. */
  public TrainingArgumentsBuilder maxGradNorm(double maxGradNorm) {
    values.put("maxGradNorm", maxGradNorm);
    return this;
  }

  /** Where the logs for TensorBoard go; null for none. */
  public TrainingArgumentsBuilder loggingDir(Path loggingDir) {
    values.put("loggingDir", loggingDir.toString());
    return this;
  }

  /** When the loss is logged. */
  public TrainingArgumentsBuilder loggingStrategy(IntervalStrategy loggingStrategy) {
    values.put("loggingStrategy", loggingStrategy);
    return this;
  }

  /** Steps between two entries of the log. */
  public TrainingArgumentsBuilder loggingSteps(long loggingSteps) {
    values.put("loggingSteps", loggingSteps);
    return this;
  }

  /** Whether the first step is logged too. */
  public TrainingArgumentsBuilder loggingFirstStep(boolean loggingFirstStep) {
    values.put("loggingFirstStep", loggingFirstStep);
    return this;
  }

  /** When the model is evaluated. */
  public TrainingArgumentsBuilder evalStrategy(IntervalStrategy evalStrategy) {
    values.put("evalStrategy", evalStrategy);
    return this;
  }

  /** Steps between evaluations. */
  public TrainingArgumentsBuilder evalSteps(long evalSteps) {
    values.put("evalSteps", evalSteps);
    return this;
  }

  /** When a checkpoint is written; also at the end, unless never. */
  public TrainingArgumentsBuilder saveStrategy(IntervalStrategy saveStrategy) {
    values.put("saveStrategy", saveStrategy);
    return this;
  }

  /** Steps between checkpoints. */
  public TrainingArgumentsBuilder saveSteps(long saveSteps) {
    values.put("saveSteps", saveSteps);
    return this;
  }

  /** The most checkpoints that are kept, the oldest goes first but never the best; 0 for all. */
  public TrainingArgumentsBuilder saveTotalLimit(int saveTotalLimit) {
    values.put("saveTotalLimit", saveTotalLimit);
    return this;
  }

  /**
   * Whether the model has the weights of its best evaluation in the end, each of which has a
   * checkpoint.
   */
  public TrainingArgumentsBuilder loadBestModelAtEnd(boolean loadBestModelAtEnd) {
    values.put("loadBestModelAtEnd", loadBestModelAtEnd);
    return this;
  }

  /** The figure of an evaluation that says which is best. */
  public TrainingArgumentsBuilder metricForBestModel(String metricForBestModel) {
    values.put("metricForBestModel", metricForBestModel);
    return this;
  }

  /**
   * Whether a larger one is better; where it is not set, unless its name ends in loss, error or
   * perplexity.
   */
  public TrainingArgumentsBuilder greaterIsBetter(boolean greaterIsBetter) {
    values.put("greaterIsBetter", greaterIsBetter);
    return this;
  }

  /** Decides the order of the data. */
  public TrainingArgumentsBuilder seed(long seed) {
    values.put("seed", seed);
    return this;
  }

  /** Mixed precision: products in BF16, parameters in F32. */
  public TrainingArgumentsBuilder bf16(boolean bf16) {
    values.put("bf16", bf16);
    return this;
  }

  /**
   * Mixed precision: products in F16, parameters in F32, the loss scaled so that no gradient
   * vanishes.
   */
  public TrainingArgumentsBuilder fp16(boolean fp16) {
    values.put("fp16", fp16);
    return this;
  }

  /** Whether parts of the model are computed again for their gradients, for less memory. */
  public TrainingArgumentsBuilder gradientCheckpointing(boolean gradientCheckpointing) {
    values.put("gradientCheckpointing", gradientCheckpointing);
    return this;
  }

  /** Whether the last batch of an epoch is left out where it is not full. */
  public TrainingArgumentsBuilder dataloaderDropLast(boolean dataloaderDropLast) {
    values.put("dataloaderDropLast", dataloaderDropLast);
    return this;
  }

  /** Threads that read batches ahead; 0 reads each when its turn comes. */
  public TrainingArgumentsBuilder dataloaderNumWorkers(int dataloaderNumWorkers) {
    values.put("dataloaderNumWorkers", dataloaderNumWorkers);
    return this;
  }

  /** Batches that each of them reads ahead. */
  public TrainingArgumentsBuilder dataloaderPrefetchFactor(int dataloaderPrefetchFactor) {
    values.put("dataloaderPrefetchFactor", dataloaderPrefetchFactor);
    return this;
  }

  /** Whether a step is captured once and replayed, see {@link io.gradus.autograd.Graph}. */
  public TrainingArgumentsBuilder captureGraph(boolean captureGraph) {
    values.put("captureGraph", captureGraph);
    return this;
  }

  /** What happens where a loss or a gradient is not finite. */
  public TrainingArgumentsBuilder nonFinite(NonFinite nonFinite) {
    values.put("nonFinite", nonFinite);
    return this;
  }

  /** A gradient of a larger norm is treated as one that is not finite; 0 for no limit. */
  public TrainingArgumentsBuilder explodingGradNorm(double explodingGradNorm) {
    values.put("explodingGradNorm", explodingGradNorm);
    return this;
  }

  /**
   * Whether such a step is run once more to name the op that was the first to give what is not
   * finite.
   */
  public TrainingArgumentsBuilder detectAnomaly(boolean detectAnomaly) {
    values.put("detectAnomaly", detectAnomaly);
    return this;
  }
}
