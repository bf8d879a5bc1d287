package io.gradus.cli;

import io.gradus.train.Pretraining;
import java.util.List;

/**
 * How far the training of a language model has come.
 *
 * @param last the step that was taken last
 * @param loss the mean of the last steps, more of the later ones
 * @param tokensPerSecond of the last steps, without evaluation and saving
 * @param mfu the share of the machine's peak that these took
 * @param secondsLeft with all there is to do
 */
record GptProgress(
    Pretraining.Step last,
    long steps,
    double loss,
    double tokensPerSecond,
    double mfu,
    double secondsLeft) {

  ProgressBar bar() {
    return new ProgressBar(
        Text.format("step %d/%d ", last.number(), steps),
        last.number(),
        steps,
        List.of(
            Text.format("loss %.4f", loss),
            Text.format("%,.0f tokens/s", tokensPerSecond),
            Text.format("%s left", Text.time(secondsLeft)),
            Text.format("lr %.2e", last.learningRate()),
            Text.format("MFU %.0f%%", 100 * mfu)));
  }
}
