package io.gradus.cli;

/**
 * What came of a training.
 *
 * @param step the last one
 * @param best the lowest loss on held-out text; NaN where there was no look at any
 * @param entropy of the held-out tokens' frequencies
 * @param seconds of this run
 */
record GptResult(
    GptFolder folder,
    long step,
    long steps,
    double best,
    double bitsPerByte,
    double entropy,
    String prompt,
    double seconds) {

  boolean isFinished() {
    return step == steps;
  }

  double perplexity() {
    return Math.exp(best);
  }
}
