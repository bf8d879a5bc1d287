package io.gradus.train;

import io.gradus.model.Mlp;
import io.gradus.op.Losses;
import java.io.IOException;
import java.nio.file.Path;
import java.util.zip.CRC32;

/**
 * Goes on with a training in a folder and saves after each step, until it is killed or has taken a
 * number of steps; it says where it began, what it saved and, in the end, a digest of the weights.
 */
public final class KilledTraining {

  /** More than any test takes. */
  private static final long STEPS = 1_000_000;

  private KilledTraining() {}

  /** Folder, last step. */
  public static void main(String[] args) throws IOException {
    Mlp model = TinyTask.model(1, 0.2);
    Trainer<?> trainer =
        trainer(model, arguments(Path.of(args[0])).build(), Long.parseLong(args[1]));
    trainer.callbacks(
        new TrainerCallback() {
          @Override
          public void onSave(Trainer<?> saved, TrainerControl control, Path checkpoint) {
            say("saved " + saved.state().globalStep());
          }
        });
    trainer.resume();
    say("at " + trainer.state().globalStep());
    if (trainer.state().globalStep() < Long.parseLong(args[1])) {
      trainer.train();
    }
    say("digest " + digest(model));
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  static TrainingArgumentsBuilder arguments(Path folder) {
    return TinyTask.arguments(folder)
        .maxSteps(STEPS)
        .lrSchedulerType(SchedulerType.CONSTANT)
        .evalStrategy(IntervalStrategy.NO)
        .fp16(true)
        .saveSteps(1)
        .saveTotalLimit(2);
  }

  static Trainer<?> trainer(Mlp model, TrainingArguments arguments, long until) {
    return Trainer.of(model, Losses::crossEntropy, TinyTask.data(53, 1), null, arguments)
        .gradScaler(new GradScaler(0x1p100, 2, 0x1p-20, 4))
        .callbacks(
            new TrainerCallback() {
              @Override
              public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
                if (trainer.state().globalStep() == until) {
                  control.stop("far enough");
                }
              }
            });
  }

  static String digest(Mlp model) {
    CRC32 digest = new CRC32();
    ResumeTest.bytes(model).values().forEach(digest::update);
    return Long.toHexString(digest.getValue());
  }
}
