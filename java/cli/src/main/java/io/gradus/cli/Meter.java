package io.gradus.cli;

/** Sums what a stretch of training brought. */
final class Meter {

  private final long start = System.nanoTime();
  private double lossSum;
  private long correct;
  private long samples;

  /** One batch: its mean loss, and how many of its samples were classified right. */
  void add(double loss, long right, long count) {
    lossSum += loss * count;
    correct += right;
    samples += count;
  }

  double loss() {
    return lossSum / samples;
  }

  double accuracy() {
    return (double) correct / samples;
  }

  long correct() {
    return correct;
  }

  long samples() {
    return samples;
  }

  double seconds() {
    return (System.nanoTime() - start) / 1e9;
  }

  double samplesPerSecond() {
    return samples / seconds();
  }
}
