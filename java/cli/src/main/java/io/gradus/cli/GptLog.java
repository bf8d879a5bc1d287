package io.gradus.cli;

import io.gradus.train.Pretraining;
import java.nio.file.Path;

/** Writes for people: a line for each look at held-out text, and in a terminal a bar. */
final class GptLog implements GptReport {

  private final Output out;
  private final LiveLine line; // null where there is no terminal

  GptLog(Output out, int columns) {
    this.out = out;
    this.line = columns > 0 ? new LiveLine(out, columns) : null;
  }

  private void line(String format, Object... values) {
    if (line != null) {
      line.clear();
    }
    out.line(format, values);
  }

  @Override
  public void prepared(String what) {
    line("%s", what);
  }

  @Override
  public void start(GptPlan plan, long first) {
    line("%s", plan);
    line(
        "the loss to beat is %.4f, the entropy of the held-out tokens' frequencies",
        plan.heldOut().entropy());
    if (first > 0) {
      line("going on after step %d", first);
    }
  }

  @Override
  public void step(GptProgress progress) {
    if (line != null) {
      line.draw(progress.bar());
    }
  }

  @Override
  public void evaluated(GptProgress p, Pretraining.Evaluated evaluated) {
    int digits = Long.toString(p.steps()).length();
    line(
        "step %" + digits + "d/%d  loss %.4f  validation %.4f  %,.0f tokens/s  MFU %.0f%%  lr %.2e",
        evaluated.step(),
        p.steps(),
        p.loss(),
        evaluated.loss(),
        p.tokensPerSecond(),
        100 * p.mfu(),
        p.last().learningRate());
  }

  @Override
  public void sample(long step, String prompt, String text) {
    line("  | %s", (prompt + text).strip().replaceAll("\\R+", System.lineSeparator() + "  | "));
  }

  @Override
  public void saved(Path file) {}

  @Override
  public void end(GptResult result) {
    if (!result.isFinished()) {
      line(
          "stopped after step %d of %d; go on with: ./gradus train gpt --resume --output %s",
          result.step(), result.steps(), result.folder().path());
      return;
    }
    line("%d steps in %s", result.step(), Text.duration(result.seconds()));
    if (!Double.isNaN(result.best())) {
      line(
          "validation loss %.4f, perplexity %.2f, %.3f bits per byte; the unigram entropy is %.4f",
          result.best(), result.perplexity(), result.bitsPerByte(), result.entropy());
    }
    line(
        "saved in %s; see what it writes: ./gradus generate %s --prompt \"%s\"",
        result.folder().path(), result.folder().path(), result.prompt().strip());
  }

  @Override
  public void close() {
    if (line != null) {
      line.close();
    }
  }
}
