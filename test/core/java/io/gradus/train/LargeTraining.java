package io.gradus.train;

import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.op.Losses;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.file.Path;

/** Goes on with a training whose checkpoints have files of more than a megabyte. */
public final class LargeTraining {

  private LargeTraining() {}

  /** Folder, number of steps. */
  public static void main(String[] args) throws IOException {
    var config = MlpConfig.of(TinyTask.FEATURES, 512, 512, TinyTask.CLASSES);
    Mlp model = new Mlp(config, Device.cpu(), Seed.of(1));
    var arguments =
        TrainingArguments.builder(Path.of(args[0]))
            .maxSteps(Long.parseLong(args[1]))
            .lrSchedulerType(SchedulerType.CONSTANT)
            .saveSteps(1)
            .build();
    Trainer<?> trainer =
        Trainer.of(model, Losses::crossEntropy, TinyTask.data(53, 1), null, arguments);
    trainer.resume();
    System.out.println("at " + trainer.state().globalStep());
    trainer.train();
  }
}
