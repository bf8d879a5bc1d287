package io.gradus.cli;

import io.gradus.model.GptConfig;
import io.gradus.tensor.Device;
import io.gradus.train.PretrainingConfig;

/**
 * All that the training of a language model is to be, as it is announced before the first step.
 *
 * @param peak the floating-point operations a second of a large matrix product on this machine
 */
record GptPlan(
    RunFile run,
    GptConfig config,
    long parameters,
    long trainTokens,
    TokenFigures heldOut,
    Device device,
    double peak) {

  /**
   * @param first the steps that were taken before, by a run that this one continues
   */
  Json toJson(long first) {
    PretrainingConfig recipe = run.recipe();
    return new Json()
        .put("event", "start")
        .put("data", run.text())
        .put("bytes", run.bytes())
        .put("train_tokens", trainTokens)
        .put("validation_tokens", run.validation())
        .put("unigram_entropy", heldOut.entropy(), 6)
        .put("bytes_per_token", heldOut.bytesPerToken(), 6)
        .put("network", "gpt")
        .put("vocabulary", config.vocabulary())
        .put("context", config.context())
        .put("layers", config.layers())
        .put("heads", config.heads())
        .put("width", config.width())
        .put("parameters", parameters)
        .put("batch_size", recipe.batchSize())
        .put("time", recipe.time())
        .put("accumulate", recipe.accumulate())
        .put("first_step", first)
        .put("steps", recipe.steps())
        .put("learning_rate", recipe.learningRate())
        .put("weight_decay", recipe.weightDecay())
        .put("dropout", config.dropout())
        .put("seed", run.seed())
        .put("device", device.toString())
        .put("threads", device.threads())
        .put("peak_gflops", peak / 1e9, 1);
  }

  /** For people. */
  @Override
  public String toString() {
    PretrainingConfig recipe = run.recipe();
    return Text.format(
        "%s: %,d bytes, %,d tokens to train, %,d held out%n"
            + "gpt of %d layers, %d heads, width %d, context %d, vocabulary %,d: %,d parameters%n"
            + "%,d steps of %,d tokens, adamw, learning rate %s, %s,"
            + " peak %.0f GFLOP/s measured",
        run.text(),
        run.bytes(),
        trainTokens,
        run.validation(),
        config.layers(),
        config.heads(),
        config.width(),
        config.context(),
        config.vocabulary(),
        parameters,
        recipe.steps(),
        recipe.tokensPerStep(),
        recipe.learningRate(),
        DeviceOption.describe(device),
        peak / 1e9);
  }
}
