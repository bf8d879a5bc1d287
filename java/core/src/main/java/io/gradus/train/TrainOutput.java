package io.gradus.train;

import java.nio.file.Path;
import java.util.Map;

/**
 * What came of a training.
 *
 * @param globalStep the steps taken, those before it was resumed and those skipped included
 * @param trainingLoss the mean loss of all steps that were not skipped; NaN where there was none
 * @param skippedSteps how many changed nothing because a loss or gradient was not finite
 * @param metrics of the last evaluation, empty where there was none: {@code eval_loss} and others
 * @param bestCheckpoint the checkpoint of the best evaluation; null where there is none
 * @param runtime seconds, of this run
 * @param samplesPerSecond of this run
 * @param stepsPerSecond of this run
 * @param reason why it ended before its last step; empty where it did not
 */
public record TrainOutput(
    long globalStep,
    double trainingLoss,
    long skippedSteps,
    Map<String, Double> metrics,
    Path bestCheckpoint,
    double runtime,
    double samplesPerSecond,
    double stepsPerSecond,
    String reason) {}
