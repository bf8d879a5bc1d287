package io.gradus.cli;

import io.gradus.train.Evaluation;
import java.nio.file.Path;

/** Tells somebody how a training goes: a person at a terminal, a log, or a program. */
interface Report extends AutoCloseable {

  /** Before the first step. */
  void start(Plan plan);

  /** After each step; the progress covers the epoch so far. */
  void step(Progress epochSoFar);

  /** After a tenth of an epoch; the progress covers that tenth. */
  void group(Progress group);

  /** After an epoch and its test. */
  void epoch(Progress epoch, Evaluation test);

  /** After all epochs. */
  void end(Evaluation test, double seconds);

  /** When the model lies on disk. */
  void saved(Path file, long bytes);

  /** Leaves the output in order, wherever the training stopped. */
  @Override
  void close();
}
