package io.gradus.cli;

import io.gradus.train.Pretraining;
import java.nio.file.Path;

/** Writes JSON lines, whose {@code event} says what their other keys are. */
final class GptJson implements GptReport {

  private static final int STEPS = 100; // that are reported

  private final Output out;

  GptJson(Output out) {
    this.out = out;
  }

  @Override
  public void prepared(String what) {}

  @Override
  public void start(GptPlan plan, long first) {
    out.line(plan.toJson(first).toString());
  }

  @Override
  public void step(GptProgress p) {
    if (p.last().number() % Math.max(1, p.steps() / STEPS) == 0) {
      out.line(
          new Json()
              .put("event", "step")
              .put("step", p.last().number())
              .put("steps", p.steps())
              .put("loss", p.last().loss(), 6)
              .put("gradient_norm", p.last().norm(), 6)
              .put("learning_rate", p.last().learningRate())
              .put("tokens_per_s", p.tokensPerSecond(), 1)
              .put("mfu", p.mfu(), 4)
              .put("seconds_left", p.secondsLeft(), 1)
              .toString());
    }
  }

  @Override
  public void evaluated(GptProgress p, Pretraining.Evaluated evaluated) {
    out.line(
        new Json()
            .put("event", "evaluation")
            .put("step", evaluated.step())
            .put("loss", evaluated.loss(), 6)
            .put("best", to -> to.writeBoolean(evaluated.best()))
            .toString());
  }

  @Override
  public void sample(long step, String prompt, String text) {
    out.line(
        new Json()
            .put("event", "sample")
            .put("step", step)
            .put("prompt", prompt)
            .put("text", text)
            .toString());
  }

  @Override
  public void saved(Path file) {
    out.line(new Json().put("event", "saved").put("file", file.toString()).toString());
  }

  @Override
  public void end(GptResult result) {
    out.line(
        new Json()
            .put("event", "end")
            .put("finished", to -> to.writeBoolean(result.isFinished()))
            .put("step", result.step())
            .put("validation_loss", result.best(), 6)
            .put("perplexity", result.perplexity(), 4)
            .put("bits_per_byte", result.bitsPerByte(), 4)
            .put("unigram_entropy", result.entropy(), 6)
            .put("seconds", result.seconds(), 3)
            .toString());
  }

  @Override
  public void close() {}
}
