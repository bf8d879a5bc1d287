package io.gradus.cli;

import io.gradus.tensor.Device;

/**
 * All that a training is to be, as it is announced before its first step.
 *
 * @param unit what an example is: images or texts
 * @param first how many steps were done before it was resumed
 */
record Plan(
    String data,
    String unit,
    long trainCount,
    long validationCount,
    long testCount,
    String network,
    String layers,
    long parameters,
    int epochs,
    int batchSize,
    long steps,
    long first,
    String optimizer,
    double learningRate,
    double weightDecay,
    long seed,
    Device device) {

  Json toJson() {
    return new Json()
        .put("event", "start")
        .put("data", data)
        .put("train_" + unit, trainCount)
        .put("validation_" + unit, validationCount)
        .put("test_" + unit, testCount)
        .put("network", network)
        .put("layers", layers)
        .put("parameters", parameters)
        .put("epochs", epochs)
        .put("batch_size", batchSize)
        .put("steps", steps)
        .put("first_step", first)
        .put("optimizer", optimizer)
        .put("learning_rate", learningRate)
        .put("weight_decay", weightDecay)
        .put("seed", seed)
        .put("device", device.toString())
        .put("threads", device.threads());
  }

  /** For people. */
  @Override
  public String toString() {
    String validation =
        validationCount == 0 ? "" : Text.format("%,d to validate, ", validationCount);
    String resumed = first == 0 ? "" : Text.format("%nresumed after step %,d of %,d", first, steps);
    return Text.format(
            "%s: %,d %s to train, %s%,d to test%n"
                + "%s %s: %,d parameters, %s, learning rate %s, batches of %d, %s",
            data,
            trainCount,
            unit,
            validation,
            testCount,
            network,
            layers,
            parameters,
            optimizer,
            learningRate,
            batchSize,
            DeviceOption.describe(device))
        + resumed;
  }
}
