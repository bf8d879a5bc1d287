package io.gradus.train;

/** Asks for logs, evaluations and checkpoints when the arguments say so. */
final class FlowCallback implements TrainerCallback {

  @Override
  public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
    TrainingArguments arguments = trainer.arguments();
    long step = trainer.state().globalStep();
    boolean last = trainer.state().isDone();
    boolean firstLogged = step == 1 && arguments.loggingFirstStep();
    if (firstLogged || isDue(arguments.loggingStrategy(), arguments.loggingSteps(), step, last)) {
      control.log();
    }
    if (isDue(arguments.evalStrategy(), arguments.evalSteps(), step, last)) {
      control.evaluate();
    }
    if (isDue(arguments.saveStrategy(), arguments.saveSteps(), step, last)) {
      control.save();
    }
  }

  /** At the end each of them happens once more, so that what was learned last is seen and kept. */
  private static boolean isDue(IntervalStrategy strategy, long every, long step, boolean last) {
    return switch (strategy) {
      case NO -> false;
      case STEPS -> last || step % every == 0;
      case EPOCH -> last;
    };
  }

  @Override
  public void onEpochEnd(Trainer<?> trainer, TrainerControl control) {
    TrainingArguments arguments = trainer.arguments();
    if (arguments.loggingStrategy() == IntervalStrategy.EPOCH) {
      control.log();
    }
    if (arguments.evalStrategy() == IntervalStrategy.EPOCH) {
      control.evaluate();
    }
    if (arguments.saveStrategy() == IntervalStrategy.EPOCH) {
      control.save();
    }
  }
}
