package io.gradus.train;

import io.gradus.data.TensorDataset;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.nn.Activation;
import io.gradus.nn.Module;
import io.gradus.op.Losses;
import io.gradus.op.Random;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;

/** A classification that a small network with dropout learns within a second. */
final class TinyTask {

  static final int FEATURES = 6;
  static final int CLASSES = 3;

  private TinyTask() {}

  /** The class is the number of positive ones among the first two features. */
  static TensorDataset data(int examples, long seed) {
    return Scope.outside(
        () -> {
          Tensor x = Random.normal(Shape.of(examples, FEATURES), Seed.of(seed), 0, 1, Device.cpu());
          float[] values = x.toFloats();
          long[] labels = new long[examples];
          for (int i = 0; i < values.length; i++) {
            labels[i / FEATURES] += i % FEATURES < 2 && values[i] > 0 ? 1 : 0;
          }
          return new TensorDataset(x, Tensor.of(labels));
        });
  }

  static Mlp model(long seed, double dropout) {
    var config = new MlpConfig(List.of(FEATURES, 32, 16, CLASSES), Activation.TANH, dropout);
    return new Mlp(config, Device.cpu(), Seed.of(seed));
  }

  /** 53 examples in batches of 8 are 7 batches, of which the last has 5. */
  static TrainingArgumentsBuilder arguments(Path folder) {
    return TrainingArguments.builder(folder)
        .perDeviceTrainBatchSize(8)
        .perDeviceEvalBatchSize(16)
        .numTrainEpochs(6)
        .gradientAccumulationSteps(2)
        .learningRate(1e-2)
        .weightDecay(0.1)
        .warmupSteps(3)
        .evalStrategy(IntervalStrategy.EPOCH)
        .loggingSteps(3)
        .saveSteps(5)
        .seed(7);
  }

  static Trainer<?> trainer(Module model, TrainingArguments arguments) {
    return Trainer.of(model, Losses::crossEntropy, data(53, 1), data(20, 2), arguments);
  }
}
