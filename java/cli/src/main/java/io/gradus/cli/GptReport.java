package io.gradus.cli;

import io.gradus.train.Pretraining;
import java.nio.file.Path;

/** Tells somebody how the training of a language model goes. */
interface GptReport extends AutoCloseable {

  /** What was made ready, in a sentence. */
  void prepared(String what);

  /** Before the first step; so many were taken before, by the run that this one continues. */
  void start(GptPlan plan, long first);

  /** After each step. */
  void step(GptProgress progress);

  /** After a look at held-out text. */
  void evaluated(GptProgress progress, Pretraining.Evaluated evaluated);

  /** What the model makes of a prompt. */
  void sample(long step, String prompt, String text);

  /** When a file lies on disk. */
  void saved(Path file);

  /** After the last step, or where the user stopped it. */
  void end(GptResult result);

  /** Leaves the output in order, wherever the training stopped. */
  @Override
  void close();
}
