package io.gradus.cli;

import java.util.List;

/**
 * How far a training has come.
 *
 * @param epoch the epoch it is in, from 1
 * @param step steps done, of all epochs
 * @param loss mean of the steps of this epoch so far
 * @param samplesPerSecond in this epoch so far
 * @param secondsLeft at that speed
 */
record Progress(
    int epoch,
    int epochs,
    long step,
    long steps,
    double loss,
    double samplesPerSecond,
    double secondsLeft) {

  ProgressBar bar() {
    return new ProgressBar(
        Text.format("epoch %d/%d ", epoch, epochs),
        step,
        steps,
        List.of(
            Text.format("loss %.4f", loss),
            Text.format("%,.0f samples/s", samplesPerSecond),
            Text.format("%s left", Text.time(secondsLeft))));
  }
}
