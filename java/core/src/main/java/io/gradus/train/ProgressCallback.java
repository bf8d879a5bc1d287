package io.gradus.train;

import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Shows how a training goes in one line that it writes over and over: step, bar, loss, steps a
 * second and the time that is left; an evaluation gets a line of its own.
 *
 * <pre>{@code
 * trainer.callbacks(new ProgressCallback(System.err));
 * }</pre>
 */
public final class ProgressCallback implements TrainerCallback {

  private static final int WIDTH = 24;
  private static final long BETWEEN = 100_000_000; // nanoseconds: ten times a second is enough

  private final Appendable out;
  private final LongSupplier nanos;
  private long start;
  private long firstStep;
  private long shown;
  private int length;

  /** Writes there. */
  public ProgressCallback(Appendable out) {
    this(out, System::nanoTime);
  }

  ProgressCallback(Appendable out, LongSupplier nanos) {
    this.out = out;
    this.nanos = nanos;
  }

  @Override
  public void onTrainBegin(Trainer<?> trainer, TrainerControl control) {
    start = nanos.getAsLong();
    firstStep = trainer.state().globalStep();
    shown = start - BETWEEN;
  }

  @Override
  public void onStepEnd(Trainer<?> trainer, TrainerControl control) throws IOException {
    long now = nanos.getAsLong();
    if (now - shown >= BETWEEN || trainer.state().isDone()) {
      shown = now;
      show(line(trainer.state(), (now - start) / 1e9));
    }
  }

  @Override
  public void onEvaluate(Trainer<?> trainer, TrainerControl control, Map<String, Double> metrics)
      throws IOException {
    StringBuilder line = new StringBuilder("step " + trainer.state().globalStep());
    metrics.forEach(
        (name, value) -> line.append(String.format(Locale.ROOT, "  %s %.4g", name, value)));
    show(line.toString());
    end();
  }

  @Override
  public void onTrainEnd(Trainer<?> trainer, TrainerControl control) throws IOException {
    if (length > 0) {
      end();
    }
  }

  private String line(TrainerState state, double seconds) {
    long step = state.globalStep();
    long total = state.totalSteps();
    int full = (int) (WIDTH * Math.min(step, total) / total);
    double rate = (step - firstStep) / Math.max(seconds, 1e-9);
    return String.format(
        Locale.ROOT,
        "step %d/%d [%s%s] %d%%  loss %.4g  %.1f steps/s  %s left",
        step,
        total,
        "=".repeat(full),
        "-".repeat(WIDTH - full),
        100 * Math.min(step, total) / total,
        state.loss(),
        rate,
        time((total - step) / rate));
  }

  private static String time(double seconds) {
    long whole = Math.max(0, Math.round(Math.min(seconds, 3.6e9)));
    String tail = String.format(Locale.ROOT, "%02d:%02d", whole / 60 % 60, whole % 60);
    return whole < 3600 ? tail : whole / 3600 + ":" + tail;
  }

  /** Writes over the line before, blanks where that was longer. */
  private void show(String line) throws IOException {
    out.append('\r').append(line).append(" ".repeat(Math.max(0, length - line.length())));
    length = line.length();
  }

  private void end() throws IOException {
    out.append('\n');
    length = 0;
  }
}
