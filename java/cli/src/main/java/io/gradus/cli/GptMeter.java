package io.gradus.cli;

import io.gradus.train.Pretraining;

/** Measures the steps of a language model's training as they come. */
final class GptMeter {

  private static final double KEEP = 0.95; // the weight of the past; some 20 steps are seen

  private final long steps;
  private final double flopsPerToken;
  private final double peak;
  private final long start = System.nanoTime();
  private long stepStart = start;
  private long count;
  private double weight;
  private double loss;
  private double seconds;

  /**
   * @param flopsPerToken what one token takes
   * @param peak the operations a second that the machine can do
   */
  GptMeter(long steps, double flopsPerToken, double peak) {
    this.steps = steps;
    this.flopsPerToken = flopsPerToken;
    this.peak = peak;
  }

  GptProgress add(Pretraining.Step step) {
    long time = System.nanoTime();
    count++;
    weight = KEEP * weight + 1 - KEEP;
    loss = KEEP * loss + (1 - KEEP) * step.loss();
    seconds = KEEP * seconds + (1 - KEEP) * (time - stepStart) / 1e9;
    double rate = step.tokens() * weight / seconds;
    double secondsPerStep = (time - start) / 1e9 / count;
    return new GptProgress(
        step,
        steps,
        loss / weight,
        rate,
        rate * flopsPerToken / peak,
        secondsPerStep * (steps - step.number()));
  }

  /** Called when the next step begins. */
  void begin() {
    stepStart = System.nanoTime();
  }

  double seconds() {
    return (System.nanoTime() - start) / 1e9;
  }
}
