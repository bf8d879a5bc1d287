package io.gradus.cli;

import java.nio.file.Path;

/** Tells somebody how a training goes: a person at a terminal, a log, or a program. */
interface Report extends AutoCloseable {

  /** In JSON lines, in a terminal's bar or in a log, as standard output wants it. */
  static Report standard(boolean json) {
    Output out = Output.standard();
    if (json) {
      return new JsonReport(out);
    }
    int columns = Terminal.columns();
    return columns > 0 ? new BarReport(out, columns) : new LogReport(out);
  }

  /** Before the first step. */
  void start(Plan plan);

  /** After each step; the progress covers the epoch so far. */
  void step(Progress epochSoFar);

  /** After a tenth of an epoch; the progress covers that tenth. */
  void group(Progress group);

  /** After an epoch and its evaluation. */
  void epoch(Progress epoch, Evaluated evaluated);

  /**
   * What was measured after an epoch.
   *
   * @param part of the data: test, or validation
   * @param accuracy NaN for a network that tells no classes
   */
  record Evaluated(String part, double loss, double accuracy) {}

  /**
   * After the last step.
   *
   * @param reason why it was not the last one that was planned; empty where it was
   */
  void end(TestResult test, String reason, double seconds);

  /** After a step behind which somebody stopped it. */
  void stopped(long step, Path folder);

  /** When a file lies on disk. */
  void saved(Path file, long bytes);

  /** Leaves the output in order, wherever the training stopped. */
  @Override
  void close();
}
