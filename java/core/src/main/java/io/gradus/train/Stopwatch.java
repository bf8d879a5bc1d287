package io.gradus.train;

import java.nio.file.Path;

/** Times one run of a training. */
final class Stopwatch {

  private final TrainerState state;
  private final long start = System.nanoTime();
  private final long stepsBefore;
  private final long samplesBefore;

  Stopwatch(TrainerState state) {
    this.state = state;
    this.stepsBefore = state.globalStep();
    this.samplesBefore = state.samples();
  }

  TrainOutput output(Path best, String reason) {
    double seconds = (System.nanoTime() - start) / 1e9;
    return new TrainOutput(
        state.globalStep(),
        state.trainingLoss(),
        state.skippedSteps(),
        state.evaluated(),
        best,
        seconds,
        (state.samples() - samplesBefore) / seconds,
        (state.globalStep() - stepsBefore) / seconds,
        reason);
  }
}
