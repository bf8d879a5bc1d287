package io.gradus.cli;

import io.gradus.model.GptConfig;
import io.gradus.train.PretrainingConfig;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How a language model is trained. */
final class RecipeOptions {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      description = "Rows in one pass. Default: ${DEFAULT-VALUE}.")
  private int batchSize = 8;

  @Option(
      names = "--time",
      paramLabel = "N",
      description = "Tokens in a row. Default: the context.")
  private Integer time;

  @Option(
      names = "--accumulate",
      paramLabel = "N",
      description = "Passes whose gradients are added up for one step. Default: ${DEFAULT-VALUE}.")
  private int accumulate = 1;

  @Option(names = "--steps", paramLabel = "N", description = "Steps to train. Default: 1600.")
  private Long steps;

  @Option(
      names = "--epochs",
      paramLabel = "X",
      description = "How often to go through the text, instead of --steps.")
  private Double epochs;

  @Option(
      names = "--learning-rate",
      paramLabel = "R",
      description =
          "The highest learning rate. Default: 0.003 up to 2 million parameters, 0.001 up to 50"
              + " million, 0.0006 above.")
  private Double learningRate;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description = "Steps over which the learning rate rises. Default: 5%% of all.")
  private Long warmup;

  @Option(
      names = "--lowest-rate",
      paramLabel = "S",
      description =
          "The share of the highest learning rate at which the cosine ends."
              + " Default: ${DEFAULT-VALUE}.")
  private double lowestRate = 0.1;

  @Option(
      names = "--weight-decay",
      paramLabel = "W",
      description = "Decay of matrices. Default: ${DEFAULT-VALUE}.")
  private double weightDecay = 0.1;

  @Option(names = "--decay-embeddings", description = "Let embeddings decay too.")
  private boolean decayEmbeddings;

  @Option(
      names = "--beta1",
      paramLabel = "B",
      description = "How much of the average of gradients a step keeps. Default: ${DEFAULT-VALUE}.")
  private double beta1 = 0.9;

  @Option(
      names = "--beta2",
      paramLabel = "B",
      description =
          "How much of the average of their squares a step keeps. Default: ${DEFAULT-VALUE}.")
  private double beta2 = 0.95;

  @Option(
      names = "--clip",
      paramLabel = "C",
      description = "The largest norm of gradients; 0 for no limit. Default: ${DEFAULT-VALUE}.")
  private double clip = 1;

  @Option(
      names = "--ema",
      paramLabel = "DECAY",
      description =
          "Keep an exponential moving average of the weights, such as 0.999, look at it and save it;"
              + " it forgets faster in the first steps. Default: 0, none.")
  private double ema = 0;

  @Option(
      names = "--evaluate-every",
      paramLabel = "N",
      description = "Steps between looks at held-out text. Default: a fifth of all.")
  private Long evaluateEvery;

  @Option(
      names = "--evaluate-batches",
      paramLabel = "N",
      description =
          "The most batches of held-out text in one look; 0 for all. Default: ${DEFAULT-VALUE}.")
  private long evaluateBatches = 0;

  @Option(
      names = "--save-every",
      paramLabel = "N",
      description = "Steps between checkpoints. Default: a tenth of all.")
  private Long saveEvery;

  @Option(
      names = "--sample-every",
      paramLabel = "N",
      description = "Steps between samples; 0 for none. Default: with each look at held-out text.")
  private Long sampleEvery;

  @Option(
      names = "--documents",
      description = "Keep texts that <|endoftext|> separates from seeing each other.")
  private boolean documents;

  double ema() {
    return ema;
  }

  boolean documents() {
    return documents;
  }

  long sampleEvery(PretrainingConfig recipe) {
    return sampleEvery != null ? sampleEvery : recipe.evaluateEvery();
  }

  /** What can be said before the text is read. */
  void check(GptConfig config) {
    atLeast(1, "--batch-size", batchSize);
    atLeast(1, "--accumulate", accumulate);
    atLeast(1, "--steps", steps);
    atLeast(1, "--evaluate-every", evaluateEvery);
    atLeast(0, "--evaluate-batches", evaluateBatches);
    atLeast(1, "--save-every", saveEvery);
    atLeast(0, "--sample-every", sampleEvery);
    atLeast(0, "--warmup", warmup);
    check(time == null || time >= 1, "--time", "must be 1 or more", time);
    check(
        time == null || time <= config.context(),
        "--time",
        "is longer than the context, " + config.context(),
        time);
    check(epochs == null || epochs > 0 && epochs < 1e6, "--epochs", "must be positive", epochs);
    check(
        epochs == null || steps == null,
        "--epochs",
        "cannot be given together with --steps",
        epochs);
    check(
        warmup == null || epochs != null || warmup <= steps(0, config),
        "--warmup",
        "must not be more than the steps, " + steps(0, config),
        warmup);
    positive("--learning-rate", learningRate);
    share("--lowest-rate", lowestRate, true);
    share("--beta1", beta1, false);
    share("--beta2", beta2, false);
    check(
        weightDecay >= 0 && weightDecay < Double.POSITIVE_INFINITY,
        "--weight-decay",
        "must not be negative",
        weightDecay);
    share("--ema", ema, false);
    check(clip >= 0, "--clip", "must not be negative", clip);
  }

  private void atLeast(long least, String option, Number value) {
    check(
        value == null || value.longValue() >= least,
        option,
        "must be " + least + " or more",
        value);
  }

  private void positive(String option, Double value) {
    check(
        value == null || value > 0 && value < Double.POSITIVE_INFINITY,
        option,
        "must be positive",
        value);
  }

  private void share(String option, double value, boolean one) {
    check(
        value >= 0 && (value < 1 || one && value == 1),
        option,
        "must be at least 0 and " + (one ? "at most 1" : "less than 1"),
        value);
  }

  private void check(boolean right, String option, String rule, Object value) {
    Usage.check(command, right, option, rule, value);
  }

  /**
   * The whole recipe.
   *
   * @param tokens to train on
   * @param endOfText the token that separates texts; -1 where the tokenizer has none
   */
  PretrainingConfig recipe(GptConfig config, long tokens, int endOfText) {
    if (documents && endOfText < 0) {
      throw new ParameterException(
          command.commandLine(), "--documents: the tokenizer has no token that ends texts");
    }
    long all = steps(tokens, config);
    return new PretrainingConfig(
        batchSize,
        time(config),
        accumulate,
        all,
        learningRate != null ? learningRate : usualRate(config.matrixParameters()),
        Math.min(all, warmup != null ? warmup : Math.max(1, all / 20)),
        lowestRate,
        weightDecay,
        decayEmbeddings,
        beta1,
        beta2,
        clip,
        evaluateEvery != null ? evaluateEvery : Math.max(1, all / 5),
        evaluateBatches,
        saveEvery != null ? saveEvery : Math.max(1, all / 10),
        documents ? endOfText : -1);
  }

  int time(GptConfig config) {
    return time != null ? time : config.context();
  }

  private long steps(long tokens, GptConfig config) {
    if (epochs != null) {
      return Math.max(
          1, Math.round(epochs * tokens / ((double) batchSize * accumulate * time(config))));
    }
    return steps != null ? steps : 1600;
  }

  private static double usualRate(long parameters) {
    return parameters < 2_000_000 ? 0.003 : parameters < 50_000_000 ? 0.001 : 0.0006;
  }
}
