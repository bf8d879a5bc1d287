package io.gradus.cli;

import java.util.List;

/**
 * How far a training has come.
 *
 * @param epoch the epoch it is in, from 1
 * @param step steps done, of all epochs
 * @param loss mean over the samples of this epoch so far
 * @param accuracy share of this epoch's samples so far that were classified right before their step
 * @param samplesPerSecond in this epoch so far
 * @param secondsLeft at that speed
 */
record Progress(
    int epoch,
    int epochs,
    long step,
    long steps,
    double loss,
    double accuracy,
    double samplesPerSecond,
    double secondsLeft) {

  ProgressBar bar() {
    return new ProgressBar(
        Text.format("epoch %d/%d ", epoch, epochs),
        step,
        steps,
        List.of(
            Text.format("loss %.4f", loss),
            Text.format("accuracy %s", Text.percent(accuracy)),
            Text.format("%,.0f samples/s", samplesPerSecond),
            Text.format("%s left", Text.time(secondsLeft))));
  }
}
