package io.gradus.train;

/**
 * How a language model is trained.
 *
 * @param batchSize rows in one pass
 * @param time tokens in a row
 * @param accumulate passes whose gradients are added up for one step
 * @param steps the number of steps
 * @param learningRate the highest, after the warm-up
 * @param warmup steps over which it rises
 * @param lowestRate the share of the learning rate at which the cosine ends
 * @param weightDecay of matrices, not of norms, biases and embeddings
 * @param decayEmbeddings whether embeddings decay too
 * @param beta1 how much of the average of gradients a step keeps
 * @param beta2 how much of the average of their squares a step keeps
 * @param clip the largest norm of the gradients; 0 for no limit
 * @param evaluateEvery steps between evaluations; also one at the end
 * @param evaluateBatches the most batches of held-out text that one evaluation reads; 0 for all
 * @param saveEvery steps between checkpoints; also one at the end
 * @param endOfText the token that ends a text, so that texts in one row do not see each other; -1
 *     for rows of one text
 */
public record PretrainingConfig(
    int batchSize,
    int time,
    int accumulate,
    long steps,
    double learningRate,
    long warmup,
    double lowestRate,
    double weightDecay,
    boolean decayEmbeddings,
    double beta1,
    double beta2,
    double clip,
    long evaluateEvery,
    long evaluateBatches,
    long saveEvery,
    int endOfText) {

  /** Checks each number. */
  public PretrainingConfig {
    check(batchSize >= 1, "batchSize", "must be positive", batchSize);
    check(time >= 1, "time", "must be positive", time);
    check(accumulate >= 1, "accumulate", "must be positive", accumulate);
    check(steps >= 1, "steps", "must be positive", steps);
    check(
        learningRate > 0 && Double.isFinite(learningRate),
        "learningRate",
        "must be positive",
        learningRate);
    check(warmup >= 0 && warmup <= steps, "warmup", "must lie in [0, steps]", warmup);
    check(lowestRate >= 0 && lowestRate <= 1, "lowestRate", "must lie in [0, 1]", lowestRate);
    check(
        weightDecay >= 0 && Double.isFinite(weightDecay),
        "weightDecay",
        "must not be negative",
        weightDecay);
    check(clip >= 0, "clip", "must not be negative", clip);
    check(evaluateEvery >= 1, "evaluateEvery", "must be positive", evaluateEvery);
    check(evaluateBatches >= 0, "evaluateBatches", "must not be negative", evaluateBatches);
    check(saveEvery >= 1, "saveEvery", "must be positive", saveEvery);
  }

  private static void check(boolean right, String name, String rule, Object value) {
    if (!right) {
      throw new IllegalArgumentException("train: " + name + " " + rule + ": " + value);
    }
  }

  /** The usual settings for a number of steps of rows. */
  public static PretrainingConfig of(int batchSize, int time, long steps, double learningRate) {
    return new PretrainingConfig(
        batchSize,
        time,
        1,
        steps,
        learningRate,
        Math.min(steps, Math.max(1, steps / 20)),
        0.1,
        0.1,
        false,
        0.9,
        0.95,
        1,
        Math.max(1, steps / 10),
        0,
        Math.max(1, steps / 10),
        -1);
  }

  /** The tokens of one step. */
  public long tokensPerStep() {
    return (long) batchSize * time * accumulate;
  }
}
