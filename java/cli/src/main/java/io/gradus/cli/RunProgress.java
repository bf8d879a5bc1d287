package io.gradus.cli;

import io.gradus.train.Trainer;
import io.gradus.train.TrainerCallback;
import io.gradus.train.TrainerControl;
import io.gradus.train.TrainerState;
import java.util.Map;

/** Hears how a training goes and lets a report tell it. */
final class RunProgress implements TrainerCallback {

  private static final int GROUPS = 10; // parts of an epoch that are reported

  private final Report report;
  private final int epochs;
  private final long stepsPerEpoch;
  private final String part;
  private final boolean classifies;
  private Stretch epoch;
  private Stretch group;
  private Progress progress;

  /**
   * For a report.
   *
   * @param part of the data that evaluations are about
   */
  RunProgress(Report report, int epochs, long stepsPerEpoch, String part, boolean classifies) {
    this.report = report;
    this.epochs = epochs;
    this.stepsPerEpoch = stepsPerEpoch;
    this.part = part;
    this.classifies = classifies;
  }

  /** What a part of a training brought. */
  private static final class Stretch {
    private final long start = System.nanoTime();
    private final long firstSample;
    private double lossSum;
    private long steps;

    Stretch(TrainerState state) {
      firstSample = state.samples();
    }

    void add(double loss) {
      lossSum += loss;
      steps++;
    }

    double loss() {
      return lossSum / steps;
    }

    double samplesPerSecond(TrainerState state) {
      return (state.samples() - firstSample) / seconds();
    }

    double secondsPerStep() {
      return seconds() / steps;
    }

    private double seconds() {
      return (System.nanoTime() - start) / 1e9;
    }
  }

  @Override
  public void onTrainBegin(Trainer<?> trainer, TrainerControl control) {
    begin(trainer.state());
  }

  @Override
  public void onEpochBegin(Trainer<?> trainer, TrainerControl control) {
    begin(trainer.state());
  }

  private void begin(TrainerState state) {
    epoch = new Stretch(state);
    group = new Stretch(state);
  }

  @Override
  public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
    TrainerState state = trainer.state();
    if (!state.isSkipped()) {
      epoch.add(state.loss());
      group.add(state.loss());
    }
    progress = progress(state, epoch);
    report.step(progress);
    long inEpoch = (state.globalStep() - 1) % stepsPerEpoch + 1;
    long groupSteps = (stepsPerEpoch + GROUPS - 1) / GROUPS;
    boolean last = inEpoch == stepsPerEpoch || state.globalStep() == state.totalSteps();
    if (inEpoch % groupSteps == 0 || last) {
      report.group(progress(state, group));
      group = new Stretch(state);
    }
  }

  private Progress progress(TrainerState state, Stretch stretch) {
    long left = state.totalSteps() - state.globalStep();
    return new Progress(
        (int) Math.min(Integer.MAX_VALUE, state.epoch() + 1),
        epochs,
        state.globalStep(),
        state.totalSteps(),
        stretch.loss(),
        stretch.samplesPerSecond(state),
        left * stretch.secondsPerStep());
  }

  @Override
  public void onEvaluate(Trainer<?> trainer, TrainerControl control, Map<String, Double> metrics) {
    double accuracy = classifies ? metrics.get("eval_accuracy") : Double.NaN;
    report.epoch(progress, new Report.Evaluated(part, metrics.get("eval_loss"), accuracy));
  }
}
