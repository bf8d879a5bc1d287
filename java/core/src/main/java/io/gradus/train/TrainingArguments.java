package io.gradus.train;

import io.gradus.data.ConfigFile;
import io.gradus.optim.ReduceOnPlateau;
import io.gradus.optim.Schedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * How a {@link Trainer} trains, under the names that it has in Hugging Face's library.
 *
 * <pre>{@code
 * var arguments = TrainingArguments.builder(Path.of("out"))
 *     .numTrainEpochs(10).perDeviceTrainBatchSize(32).learningRate(1e-3)
 *     .evalStrategy(IntervalStrategy.EPOCH).saveStrategy(IntervalStrategy.EPOCH)
 *     .loadBestModelAtEnd(true).metricForBestModel("accuracy")
 *     .build();
 * }</pre>
 *
 * @param outputDir where checkpoints go, made where it is missing
 * @param overwriteOutputDir whether a new training may remove the checkpoints of an old one in
 *     {@code outputDir}
 * @param numTrainEpochs how often the data is seen; a part of an epoch counts too
 * @param maxSteps the number of steps, whatever the epochs; -1 for {@code numTrainEpochs}
 * @param perDeviceTrainBatchSize examples in one pass; a batch source that is given has its own
 * @param perDeviceEvalBatchSize examples in one pass of an evaluation, likewise
 * @param gradientAccumulationSteps batches whose mean gradient makes one step; fewer at the end of
 *     an epoch where they do not fit
 * @param learningRate the highest, after the warm-up
 * @param lrSchedulerType how it goes after the warm-up
 * @param plateauFactor what the rate of {@code REDUCE_ON_PLATEAU} is multiplied by
 * @param plateauPatience how many evaluations in a row it may see without an improvement
 * @param warmupSteps steps over which it rises; 0 for {@code warmupRatio}
 * @param warmupRatio the share of all steps over which it rises
 * @param weightDecay of parameters with two axes or more: not of biases and norms
 * @param adamBeta1 how much of the average of gradients a step keeps
 * @param adamBeta2 how much of the average of their squares a step keeps
 * @param adamEpsilon keeps AdamW's division finite
 * @param emaDecay how much of an exponential moving average of the weights each step keeps: at most
 *     {@code (1 + t) / (10 + t)} after {@code t} steps, so that the first weights are soon
 *     forgotten. The average is what is evaluated, and what the model has once the training has
 *     ended; running statistics of batch norm are averaged too, as in torchvision's trainings, so
 *     that they need no pass of their own. 0 for none
 * @param maxGradNorm gradients are scaled down to this norm where they exceed it; 0 for no limit
 * @param loggingDir where the logs for TensorBoard go; null for none
 * @param loggingStrategy when the loss is logged
 * @param loggingSteps steps between two entries of the log
 * @param loggingFirstStep whether the first step is logged too
 * @param evalStrategy when the model is evaluated
 * @param evalSteps steps between evaluations
 * @param saveStrategy when a checkpoint is written; also at the end, unless never
 * @param saveSteps steps between checkpoints
 * @param saveTotalLimit the most checkpoints that are kept, the oldest goes first but never the
 *     best; 0 for all
 * @param loadBestModelAtEnd whether the model has the weights of its best evaluation in the end,
 *     each of which has a checkpoint
 * @param metricForBestModel the figure of an evaluation that says which is best
 * @param greaterIsBetter whether a larger one is better; where it is not set, unless its name ends
 *     in loss, error or perplexity
 * @param seed decides the order of the data
 * @param bf16 mixed precision: products in BF16, parameters in F32
 * @param fp16 mixed precision: products in F16, parameters in F32, the loss scaled so that no
 *     gradient vanishes
 * @param gradientCheckpointing whether parts of the model are computed again for their gradients,
 *     for less memory
 * @param dataloaderDropLast whether the last batch of an epoch is left out where it is not full
 * @param dataloaderNumWorkers threads that read batches ahead; 0 reads each when its turn comes
 * @param dataloaderPrefetchFactor batches that each of them reads ahead
 * @param captureGraph whether a step is captured once and replayed, see {@link
 *     io.gradus.autograd.Graph}
 * @param nonFinite what happens where a loss or a gradient is not finite
 * @param explodingGradNorm a gradient of a larger norm is treated as one that is not finite; 0 for
 *     no limit
 * @param detectAnomaly whether such a step is run once more to name the op that was the first to
 *     give what is not finite
 */
public record TrainingArguments(
    Path outputDir,
    boolean overwriteOutputDir,
    double numTrainEpochs,
    long maxSteps,
    int perDeviceTrainBatchSize,
    int perDeviceEvalBatchSize,
    int gradientAccumulationSteps,
    double learningRate,
    SchedulerType lrSchedulerType,
    double plateauFactor,
    long plateauPatience,
    long warmupSteps,
    double warmupRatio,
    double weightDecay,
    double adamBeta1,
    double adamBeta2,
    double adamEpsilon,
    double emaDecay,
    double maxGradNorm,
    Path loggingDir,
    IntervalStrategy loggingStrategy,
    long loggingSteps,
    boolean loggingFirstStep,
    IntervalStrategy evalStrategy,
    long evalSteps,
    IntervalStrategy saveStrategy,
    long saveSteps,
    int saveTotalLimit,
    boolean loadBestModelAtEnd,
    String metricForBestModel,
    boolean greaterIsBetter,
    long seed,
    boolean bf16,
    boolean fp16,
    boolean gradientCheckpointing,
    boolean dataloaderDropLast,
    int dataloaderNumWorkers,
    int dataloaderPrefetchFactor,
    boolean captureGraph,
    NonFinite nonFinite,
    double explodingGradNorm,
    boolean detectAnomaly) {

  /** Checks each of them. */
  public TrainingArguments {
    check(!outputDir.toString().isEmpty(), "outputDir", "must be set", "\"\"");
    checkSizes(numTrainEpochs, maxSteps, gradientAccumulationSteps, saveTotalLimit);
    check(
        perDeviceTrainBatchSize >= 1,
        "perDeviceTrainBatchSize",
        "must be positive",
        perDeviceTrainBatchSize);
    check(
        perDeviceEvalBatchSize >= 1,
        "perDeviceEvalBatchSize",
        "must be positive",
        perDeviceEvalBatchSize);
    check(
        learningRate > 0 && Double.isFinite(learningRate),
        "learningRate",
        "must be positive",
        learningRate);
    check(
        plateauFactor > 0 && plateauFactor < 1,
        "plateauFactor",
        "must lie in (0, 1)",
        plateauFactor);
    check(plateauPatience >= 0, "plateauPatience", "must not be negative", plateauPatience);
    check(
        lrSchedulerType != SchedulerType.REDUCE_ON_PLATEAU || evalStrategy != IntervalStrategy.NO,
        "lrSchedulerType",
        "needs an evalStrategy",
        lrSchedulerType);
    check(warmupSteps >= 0, "warmupSteps", "must not be negative", warmupSteps);
    check(warmupRatio >= 0 && warmupRatio <= 1, "warmupRatio", "must lie in [0, 1]", warmupRatio);
    notNegative("weightDecay", weightDecay);
    check(adamBeta1 >= 0 && adamBeta1 < 1, "adamBeta1", "must lie in [0, 1)", adamBeta1);
    check(adamBeta2 >= 0 && adamBeta2 < 1, "adamBeta2", "must lie in [0, 1)", adamBeta2);
    notNegative("adamEpsilon", adamEpsilon);
    check(emaDecay >= 0 && emaDecay < 1, "emaDecay", "must lie in [0, 1)", emaDecay);
    notNegative("maxGradNorm", maxGradNorm);
    notNegative("explodingGradNorm", explodingGradNorm);
    check(loggingSteps >= 1, "loggingSteps", "must be positive", loggingSteps);
    check(evalSteps >= 1, "evalSteps", "must be positive", evalSteps);
    check(saveSteps >= 1, "saveSteps", "must be positive", saveSteps);
    check(!metricForBestModel.isEmpty(), "metricForBestModel", "must have a name", "\"\"");
    check(
        dataloaderNumWorkers >= 0,
        "dataloaderNumWorkers",
        "must not be negative",
        dataloaderNumWorkers);
    check(
        dataloaderPrefetchFactor >= 1,
        "dataloaderPrefetchFactor",
        "must be positive",
        dataloaderPrefetchFactor);
    check(!bf16 || !fp16, "bf16 and fp16", "must not both be set", true);
    check(
        !loadBestModelAtEnd
            || evalStrategy != IntervalStrategy.NO && saveStrategy != IntervalStrategy.NO,
        "loadBestModelAtEnd",
        "needs an evalStrategy and a saveStrategy",
        evalStrategy + " and " + saveStrategy);
  }

  private static void checkSizes(double epochs, long maxSteps, int accumulate, int limit) {
    check(maxSteps >= 1 || maxSteps == -1, "maxSteps", "must be positive, or -1", maxSteps);
    check(epochs > 0 && Double.isFinite(epochs), "numTrainEpochs", "must be positive", epochs);
    check(accumulate >= 1, "gradientAccumulationSteps", "must be positive", accumulate);
    check(limit >= 0, "saveTotalLimit", "must not be negative", limit);
  }

  private static void notNegative(String name, double value) {
    check(value >= 0 && Double.isFinite(value), name, "must not be negative", value);
  }

  private static void check(boolean right, String name, String rule, Object value) {
    if (!right) {
      throw new IllegalArgumentException("training: " + name + " " + rule + ": " + value);
    }
  }

  /** Settings for a training whose checkpoints go to a directory. */
  public static TrainingArgumentsBuilder builder(Path outputDir) {
    return new TrainingArgumentsBuilder().outputDir(outputDir);
  }

  // What follows from them

  /** The number of steps over epochs of so many batches. */
  public long totalSteps(long batches) {
    return maxSteps > 0 ? maxSteps : (long) Math.ceil(numTrainEpochs * stepsPerEpoch(batches));
  }

  /** The number of steps in an epoch of so many batches. */
  public long stepsPerEpoch(long batches) {
    return (batches + gradientAccumulationSteps - 1) / gradientAccumulationSteps;
  }

  /**
   * The learning rate of each of so many steps; for {@code REDUCE_ON_PLATEAU} another {@link
   * ReduceOnPlateau} at its start in each call.
   */
  public Schedule schedule(long steps) {
    long warmup = warmupSteps > 0 ? warmupSteps : (long) Math.ceil(warmupRatio * steps);
    Schedule schedule = lrSchedulerType.schedule(learningRate, warmup, steps);
    if (schedule instanceof ReduceOnPlateau plateau) {
      plateau.factor(plateauFactor).patience(plateauPatience);
      return greaterIsBetter ? plateau.higherIsBetter() : plateau;
    }
    return schedule;
  }

  // Files

  /**
   * Reads arguments from a JSON file, one flat object whose {@code type} is {@code training}; what
   * it does not name has the value that it has where it is not set.
   *
   * @throws IOException where the file is missing or broken
   * @throws IllegalArgumentException where it has a name that there is not, or a wrong value
   */
  public static TrainingArguments read(Path file) throws IOException {
    ConfigFile values = ConfigFile.read(file, TrainingArgumentsBuilder.TYPE);
    return new TrainingArgumentsBuilder().replaceAll(values).build();
  }

  /**
   * Writes them to a JSON file, which appears as a whole or not at all.
   *
   * @throws IOException where that fails
   */
  public void write(Path file) throws IOException {
    new ConfigFile(TrainingArgumentsBuilder.TYPE)
        .put("outputDir", outputDir.toString())
        .put("overwriteOutputDir", overwriteOutputDir)
        .put("numTrainEpochs", numTrainEpochs)
        .put("maxSteps", maxSteps)
        .put("perDeviceTrainBatchSize", perDeviceTrainBatchSize)
        .put("perDeviceEvalBatchSize", perDeviceEvalBatchSize)
        .put("gradientAccumulationSteps", gradientAccumulationSteps)
        .put("learningRate", learningRate)
        .put("lrSchedulerType", lrSchedulerType)
        .put("plateauFactor", plateauFactor)
        .put("plateauPatience", plateauPatience)
        .put("warmupSteps", warmupSteps)
        .put("warmupRatio", warmupRatio)
        .put("weightDecay", weightDecay)
        .put("adamBeta1", adamBeta1)
        .put("adamBeta2", adamBeta2)
        .put("adamEpsilon", adamEpsilon)
        .put("emaDecay", emaDecay)
        .put("maxGradNorm", maxGradNorm)
        .put("loggingDir", loggingDir == null ? "" : loggingDir.toString())
        .put("loggingStrategy", loggingStrategy)
        .put("loggingSteps", loggingSteps)
        .put("loggingFirstStep", loggingFirstStep)
        .put("evalStrategy", evalStrategy)
        .put("evalSteps", evalSteps)
        .put("saveStrategy", saveStrategy)
        .put("saveSteps", saveSteps)
        .put("saveTotalLimit", saveTotalLimit)
        .put("loadBestModelAtEnd", loadBestModelAtEnd)
        .put("metricForBestModel", metricForBestModel)
        .put("greaterIsBetter", greaterIsBetter)
        .put("seed", seed)
        .put("bf16", bf16)
        .put("fp16", fp16)
        .put("gradientCheckpointing", gradientCheckpointing)
        .put("dataloaderDropLast", dataloaderDropLast)
        .put("dataloaderNumWorkers", dataloaderNumWorkers)
        .put("dataloaderPrefetchFactor", dataloaderPrefetchFactor)
        .put("captureGraph", captureGraph)
        .put("nonFinite", nonFinite)
        .put("explodingGradNorm", explodingGradNorm)
        .put("detectAnomaly", detectAnomaly)
        .write(file);
  }

  static TrainingArguments of(ConfigFile c) {
    return new TrainingArguments(
        Path.of(c.text("outputDir")),
        c.flag("overwriteOutputDir"),
        c.number("numTrainEpochs"),
        c.longInteger("maxSteps"),
        c.integer("perDeviceTrainBatchSize"),
        c.integer("perDeviceEvalBatchSize"),
        c.integer("gradientAccumulationSteps"),
        c.number("learningRate"),
        c.choice("lrSchedulerType", SchedulerType.class),
        c.number("plateauFactor"),
        c.longInteger("plateauPatience"),
        c.longInteger("warmupSteps"),
        c.number("warmupRatio"),
        c.number("weightDecay"),
        c.number("adamBeta1"),
        c.number("adamBeta2"),
        c.number("adamEpsilon"),
        c.number("emaDecay"),
        c.number("maxGradNorm"),
        path(c, "loggingDir"),
        c.choice("loggingStrategy", IntervalStrategy.class),
        c.longInteger("loggingSteps"),
        c.flag("loggingFirstStep"),
        c.choice("evalStrategy", IntervalStrategy.class),
        c.longInteger("evalSteps"),
        c.choice("saveStrategy", IntervalStrategy.class),
        c.longInteger("saveSteps"),
        c.integer("saveTotalLimit"),
        c.flag("loadBestModelAtEnd"),
        c.text("metricForBestModel"),
        greaterIsBetter(c),
        c.longInteger("seed"),
        c.flag("bf16"),
        c.flag("fp16"),
        c.flag("gradientCheckpointing"),
        c.flag("dataloaderDropLast"),
        c.integer("dataloaderNumWorkers"),
        c.integer("dataloaderPrefetchFactor"),
        c.flag("captureGraph"),
        c.choice("nonFinite", NonFinite.class),
        c.number("explodingGradNorm"),
        c.flag("detectAnomaly"));
  }

  private static Path path(ConfigFile c, String name) {
    return c.text(name).isEmpty() ? null : Path.of(c.text(name));
  }

  /** Where nobody set it, it is an empty text. */
  private static boolean greaterIsBetter(ConfigFile c) {
    if (c.isFlag("greaterIsBetter")) {
      return c.flag("greaterIsBetter");
    }
    String metric = c.text("metricForBestModel");
    return Stream.of("loss", "error", "perplexity").noneMatch(metric::endsWith);
  }
}
