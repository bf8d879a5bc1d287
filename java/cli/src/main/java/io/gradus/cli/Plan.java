package io.gradus.cli;

import io.gradus.tensor.Device;
import java.util.List;
import java.util.stream.Collectors;

/** All that a training is to be, as it is announced before the first step. */
record Plan(
    String data,
    long trainCount,
    long testCount,
    String network,
    List<Integer> sizes,
    long parameters,
    int epochs,
    int batchSize,
    String optimizer,
    double learningRate,
    double weightDecay,
    double dropout,
    long seed,
    Device device) {

  long stepsPerEpoch() {
    return (trainCount + batchSize - 1) / batchSize;
  }

  long steps() {
    return epochs * stepsPerEpoch();
  }

  int classes() {
    return sizes.get(sizes.size() - 1);
  }

  private String layers() {
    return sizes.stream().map(String::valueOf).collect(Collectors.joining("-"));
  }

  Json toJson() {
    return new Json()
        .put("event", "start")
        .put("data", data)
        .put("train_images", trainCount)
        .put("test_images", testCount)
        .put("network", network)
        .put("layers", layers())
        .put("parameters", parameters)
        .put("epochs", epochs)
        .put("batch_size", batchSize)
        .put("steps", steps())
        .put("optimizer", optimizer)
        .put("learning_rate", learningRate)
        .put("weight_decay", weightDecay)
        .put("dropout", dropout)
        .put("seed", seed)
        .put("device", device.toString())
        .put("threads", device.threads());
  }

  /** For people. */
  @Override
  public String toString() {
    return Text.format(
        "%s: %,d images to train, %,d to test%n"
            + "%s %s: %,d parameters, %s, learning rate %s, batches of %d, %s",
        data,
        trainCount,
        testCount,
        network,
        layers(),
        parameters,
        optimizer,
        learningRate,
        batchSize,
        DeviceOption.describe(device));
  }
}
