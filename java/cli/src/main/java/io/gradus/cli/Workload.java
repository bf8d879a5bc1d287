package io.gradus.cli;

import io.gradus.autograd.Tape;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.op.Losses;
import io.gradus.op.Random;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Sgd;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * One step of a training that is to be measured.
 *
 * @param samples how many samples one step learns from
 * @param step the step
 */
record Workload(int samples, Runnable step) {

  /** Trains an MLP with one hidden layer of ReLU on one batch of random data. */
  static Workload mlp(int inputs, int hidden, int classes, int batch) {
    Seed seed = Seed.of(42);
    Device device = Device.best();
    Mlp model = new Mlp(MlpConfig.of(inputs, hidden, classes), device, seed.split(0));
    Optimizer sgd = Sgd.builder().learningRate(0.01).build(model.parameters());
    Tensor x = Random.normal(Shape.of(batch, inputs), seed.split(1), 0, 1, device);
    Tensor y = labels(batch, classes, seed).to(device);
    return new Workload(
        batch,
        () -> {
          try (Tape tape = Tape.record()) {
            Tensor loss = Losses.crossEntropy(model.forward(x), y);
            sgd.step(tape.gradients(loss));
          }
        });
  }

  private static Tensor labels(int n, int classes, Seed seed) {
    return Tensor.of(new java.util.Random(seed.value()).longs(n, 0, classes).toArray());
  }
}
