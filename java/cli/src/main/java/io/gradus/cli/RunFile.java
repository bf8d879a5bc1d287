package io.gradus.cli;

import io.gradus.data.ConfigFile;
import io.gradus.train.PretrainingConfig;
import java.io.IOException;
import java.nio.file.Path;

/**
 * What a training has to know again when it goes on.
 *
 * @param text what is learned, for people
 * @param bytes of that text
 * @param validation how many of the last tokens are held out
 * @param ema how much of a moving average of the weights a step keeps; 0 for none
 * @param bf16 whether what lies between the layers is BF16
 * @param checkpointing whether blocks are computed again for their gradients
 * @param sampleEvery steps between samples; 0 for none
 * @param prompt what samples begin with
 */
record RunFile(
    String text,
    long bytes,
    long validation,
    PretrainingConfig recipe,
    double ema,
    boolean bf16,
    boolean checkpointing,
    long sampleEvery,
    String prompt,
    long seed) {

  void write(Path file) throws IOException {
    new ConfigFile("run")
        .put("text", text)
        .put("bytes", whole(bytes))
        .put("validation", whole(validation))
        .put("batchSize", recipe.batchSize())
        .put("time", recipe.time())
        .put("accumulate", recipe.accumulate())
        .put("steps", whole(recipe.steps()))
        .put("learningRate", recipe.learningRate())
        .put("warmup", whole(recipe.warmup()))
        .put("lowestRate", recipe.lowestRate())
        .put("weightDecay", recipe.weightDecay())
        .put("decayEmbeddings", recipe.decayEmbeddings())
        .put("beta1", recipe.beta1())
        .put("beta2", recipe.beta2())
        .put("clip", recipe.clip())
        .put("evaluateEvery", whole(recipe.evaluateEvery()))
        .put("evaluateBatches", whole(recipe.evaluateBatches()))
        .put("saveEvery", whole(recipe.saveEvery()))
        .put("endOfText", recipe.endOfText())
        .put("ema", ema)
        .put("bf16", bf16)
        .put("checkpointing", checkpointing)
        .put("sampleEvery", whole(sampleEvery))
        .put("prompt", prompt)
        .put("seed", Long.toString(seed))
        .write(file);
  }

  /** Without a decimal point where that is possible. */
  private static Number whole(long value) {
    if (value == (int) value) {
      return (int) value;
    }
    return (double) value;
  }

  static RunFile read(Path file) throws IOException {
    return ConfigFile.read(file, "run", RunFile::of);
  }

  private static RunFile of(ConfigFile values) {
    PretrainingConfig recipe =
        new PretrainingConfig(
            values.integer("batchSize"),
            values.integer("time"),
            values.integer("accumulate"),
            whole(values, "steps"),
            values.number("learningRate"),
            whole(values, "warmup"),
            values.number("lowestRate"),
            values.number("weightDecay"),
            values.flag("decayEmbeddings"),
            values.number("beta1"),
            values.number("beta2"),
            values.number("clip"),
            whole(values, "evaluateEvery"),
            whole(values, "evaluateBatches"),
            whole(values, "saveEvery"),
            values.integer("endOfText"));
    return new RunFile(
        values.text("text"),
        whole(values, "bytes"),
        whole(values, "validation"),
        recipe,
        values.names().contains("ema") ? values.number("ema") : 0,
        values.flag("bf16"),
        values.flag("checkpointing"),
        whole(values, "sampleEvery"),
        values.text("prompt"),
        Long.parseLong(values.text("seed")));
  }

  private static long whole(ConfigFile values, String name) {
    return (long) values.number(name);
  }
}
