package io.gradus.cli;

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
    double secondsLeft) {}
