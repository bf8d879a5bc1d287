package io.gradus.cli;

import io.gradus.nn.Parameters;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Schedule;
import io.gradus.train.IntervalStrategy;
import io.gradus.train.TrainingArguments;
import io.gradus.train.TrainingArgumentsBuilder;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** How a network of images or texts is trained, whichever it is. */
final class TrainerOptions {

  /**
   * What holds where an option is not given; what serves few small images does not serve many.
   *
   * @param learningRate of adamw, which the others' follow
   */
  record Defaults(int epochs, int batchSize, double learningRate, double weightDecay) {}

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description = "How often to go through the data. Default: ${bundle:default.epochs}.")
  private Integer epochs;

  @Option(
      names = "--max-steps",
      paramLabel = "N",
      description = "Stop after so many steps, whatever the epochs. Default: all epochs.")
  private Long maxSteps;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      description = "Examples in one pass. Default: ${bundle:default.batch-size}.")
  private Integer batchSize;

  @Option(
      names = "--accumulate",
      paramLabel = "N",
      description =
          "Batches whose mean gradient makes one step: the effect of larger batches in the memory"
              + " of small ones. Default: ${DEFAULT-VALUE}.")
  private int accumulate = 1;

  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      description =
          "One of ${COMPLETION-CANDIDATES}; sgd has momentum 0.9. Default: ${DEFAULT-VALUE}.")
  private Method method = Method.adamw;

  @Option(
      names = "--learning-rate",
      paramLabel = "R",
      description =
          "The highest learning rate. Default: ${bundle:default.learning-rate} for adamw, adam, nadam and"
              + " radam; times 2 for adamax, 30 for sgd, 0.3 for rmsprop, 5 for adagrad, 300 for"
              + " adadelta, 3 for adafactor, 0.2 for lion.")
  private Double learningRate;

  @Option(
      names = "--scheduler",
      paramLabel = "NAME",
      description =
          "How the learning rate goes on after its warm-up: ${COMPLETION-CANDIDATES}; the last is"
              + " reduced whenever epochs no longer get better. Default: ${DEFAULT-VALUE}.")
  private Scheduler scheduler = Scheduler.cosine;

  @Option(
      names = "--plateau-factor",
      paramLabel = "F",
      description =
          "What reduce_on_plateau multiplies the learning rate by. Default: ${DEFAULT-VALUE}.")
  private double plateauFactor = 0.1;

  @Option(
      names = "--plateau-patience",
      paramLabel = "N",
      description =
          "How many epochs in a row may be no better before reduce_on_plateau does so. Default:"
              + " ${DEFAULT-VALUE}.")
  private int plateauPatience = 2;

  @Option(
      names = "--warmup-ratio",
      paramLabel = "S",
      description =
          "The share of all steps over which the learning rate rises. Default: ${DEFAULT-VALUE}.")
  private double warmupRatio = 0.02;

  @Option(
      names = "--weight-decay",
      paramLabel = "W",
      description =
          "Decay of the weights, not of biases and norms. Default: ${bundle:default.weight-decay} for"
              + " adamw and lion, 0 for the others.")
  private Double weightDecay;

  @Option(
      names = "--clip",
      paramLabel = "N",
      description =
          "Scale gradients down to this norm where they exceed it; 0 for never. Default:"
              + " ${DEFAULT-VALUE}.")
  private double clip = 1;

  @Option(
      names = "--ema",
      paramLabel = "DECAY",
      description =
          "Keep an exponential moving average of the weights, such as 0.999, look at it after each"
              + " epoch, test it and save it; running statistics of batch norm are averaged too. It"
              + " forgets faster in the first steps. Default: 0, none.")
  private double ema = 0;

  @Option(
      names = "--label-smoothing",
      paramLabel = "S",
      description =
          "Spread so much of each label over all classes; vae has none. Default: ${DEFAULT-VALUE}.")
  private double labelSmoothing = 0;

  @Option(
      names = "--validation",
      paramLabel = "SHARE",
      description =
          "Hold out this share of what there is to train, and look at it after each epoch instead"
              + " of at the test part. Default: 0, or 0.1 with --patience, --best or"
              + " reduce_on_plateau, so that the test part never chooses anything.")
  private Double validation;

  @Option(
      names = "--patience",
      paramLabel = "N",
      description =
          "Stop after so many epochs in a row that were no better; 0 for never. Default:"
              + " ${DEFAULT-VALUE}.")
  private int patience = 0;

  @Option(
      names = "--best",
      description = "Save the weights of the best epoch. Default: those of the last one.")
  private boolean best;

  @Option(
      names = "--bf16",
      description = "Compute products in bf16, with parameters in f32. Default: all in f32.")
  private boolean bf16;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Where randomness starts: equal seeds give equal models. Default: ${DEFAULT-VALUE}.")
  private long seed = 42;

  @Option(
      names = "--save-limit",
      paramLabel = "N",
      description =
          "The most checkpoints that are kept, apart from the best; 0 for all. Default:"
              + " ${DEFAULT-VALUE}.")
  private int saveLimit = 2;

  @Option(
      names = "--no-checkpoints",
      description = "Write none, so that the run cannot be resumed. Default: one after each epoch.")
  private boolean noCheckpoints;

  @Option(
      names = "--plot",
      paramLabel = "FORMAT",
      description =
          "Draw the losses into the folder in the end, as png or svg. Default: no picture.")
  private String plot;

  /** Sets what was not given. */
  void complete(Defaults defaults) {
    epochs = epochs != null ? epochs : (Integer) defaults.epochs();
    batchSize = batchSize != null ? batchSize : (Integer) defaults.batchSize();
    if (learningRate == null) {
      learningRate = defaults.learningRate() * method.rate();
    }
    if (weightDecay == null) {
      // Elsewhere it would be an L2 penalty, which is stronger.
      boolean decoupled = method == Method.adamw || method == Method.lion;
      weightDecay = decoupled ? defaults.weightDecay() : 0;
    }
    if (validation == null) {
      boolean chooses = patience > 0 || best || scheduler == Scheduler.reduce_on_plateau;
      validation = chooses ? 0.1 : 0;
    }
  }

  /** Refuses what cannot be meant. */
  void check(CommandSpec spec) {
    atLeastOne(spec, "--epochs", epochs);
    atLeastOne(spec, "--max-steps", maxSteps);
    atLeastOne(spec, "--batch-size", batchSize);
    atLeastOne(spec, "--accumulate", accumulate);
    Usage.check(
        spec,
        learningRate == null || learningRate > 0 && Double.isFinite(learningRate),
        "--learning-rate",
        "must be positive",
        learningRate);
    Usage.check(
        spec,
        warmupRatio >= 0 && warmupRatio < 1,
        "--warmup-ratio",
        "must be at least 0 and less than 1",
        warmupRatio);
    Usage.check(
        spec,
        plateauFactor > 0 && plateauFactor < 1,
        "--plateau-factor",
        "must be more than 0 and less than 1",
        plateauFactor);
    Usage.check(
        spec, plateauPatience >= 0, "--plateau-patience", "must not be negative", plateauPatience);
    Usage.check(spec, ema >= 0 && ema < 1, "--ema", "must be at least 0 and less than 1", ema);
    notNegative(spec, "--weight-decay", weightDecay);
    notNegative(spec, "--clip", clip);
    Usage.check(
        spec,
        labelSmoothing >= 0 && labelSmoothing < 1,
        "--label-smoothing",
        "must be at least 0 and less than 1",
        labelSmoothing);
    Usage.check(
        spec,
        validation == null || validation >= 0 && validation < 1,
        "--validation",
        "must be at least 0 and less than 1",
        validation);
    Usage.check(spec, patience >= 0, "--patience", "must not be negative", patience);
    Usage.check(spec, saveLimit >= 0, "--save-limit", "must not be negative", saveLimit);
    Usage.check(
        spec, plot == null || plot.matches("png|svg"), "--plot", "must be png or svg", plot);
    Usage.check(
        spec,
        !best || !noCheckpoints,
        "--best",
        "needs the checkpoints that are left out",
        "--no-checkpoints");
  }

  private static void atLeastOne(CommandSpec spec, String option, Number value) {
    Usage.check(spec, value == null || value.longValue() >= 1, option, "must be 1 or more", value);
  }

  private static void notNegative(CommandSpec spec, String option, Double value) {
    boolean right = value == null || value >= 0 && Double.isFinite(value);
    Usage.check(spec, right, option, "must not be negative", value);
  }

  // What follows from them

  TrainingArguments arguments(Path folder, boolean overwrite, long batches, TaskKind task) {
    long steps = (batches + accumulate - 1) / accumulate;
    TrainingArgumentsBuilder builder =
        TrainingArguments.builder(folder)
            .overwriteOutputDir(overwrite)
            .numTrainEpochs(epochs)
            .perDeviceTrainBatchSize(batchSize)
            .gradientAccumulationSteps(accumulate)
            .learningRate(learningRate)
            .lrSchedulerType(scheduler.type())
            .plateauFactor(plateauFactor)
            .plateauPatience(plateauPatience)
            .warmupRatio(warmupRatio)
            .weightDecay(weightDecay)
            .emaDecay(ema)
            .maxGradNorm(clip)
            .loggingDir(folder.resolve("logs"))
            .loggingSteps(Math.max(1, steps / 10))
            .evalStrategy(IntervalStrategy.EPOCH)
            .saveStrategy(noCheckpoints ? IntervalStrategy.NO : IntervalStrategy.EPOCH)
            .saveTotalLimit(saveLimit)
            .loadBestModelAtEnd(best)
            .metricForBestModel(task.metric())
            .seed(seed)
            .bf16(bf16)
            .captureGraph(task.captured());
    return (maxSteps == null ? builder : builder.maxSteps(maxSteps)).build();
  }

  /**
   * What differs by the network and its data.
   *
   * @param metric that tells which epoch was best
   * @param captured whether batches have few shapes, for which steps are captured
   */
  record TaskKind(String metric, boolean captured) {}

  Optimizer optimizer(Parameters parameters, Schedule schedule) {
    Optimizer.Builder<?> builder = method.builder();
    builder.learningRate(schedule);
    builder.weightDecay(weightDecay);
    builder.decayMatricesOnly();
    return builder.build(parameters);
  }

  int epochs() {
    return epochs;
  }

  int batchSize() {
    return batchSize;
  }

  String optimizerName() {
    return method.name();
  }

  double learningRate() {
    return learningRate;
  }

  double weightDecay() {
    return weightDecay;
  }

  double labelSmoothing() {
    return labelSmoothing;
  }

  double validation() {
    return validation;
  }

  int patience() {
    return patience;
  }

  double clip() {
    return clip;
  }

  boolean bf16() {
    return bf16;
  }

  long seed() {
    return seed;
  }

  String plot() {
    return plot;
  }

  boolean savesCheckpoints() {
    return !noCheckpoints;
  }
}
