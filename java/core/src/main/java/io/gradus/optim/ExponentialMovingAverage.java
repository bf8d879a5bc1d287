package io.gradus.optim;

import io.gradus.nn.Module;

/**
 * The exponential moving average of a model's parameters (Polyak and Juditsky 1992), which often
 * does better than the model itself: {@code average = decay · average + (1 - decay) · parameter}.
 * It begins as the model is when this is made.
 *
 * <pre>{@code
 * ExponentialMovingAverage average = ExponentialMovingAverage.of(model, 0.999);
 * for (Batch batch : batches) {
 *   step(model, batch);
 *   average.update();
 * }
 * try (var swap = average.swap()) {
 *   evaluate(model);
 * }
 * }</pre>
 *
 * <p>Buffers, such as batch norm's running statistics, are averaged too, as in torchvision's
 * trainings and PyTorch's {@code AveragedModel(use_buffers=True)}: they fit the averaged parameters
 * without another pass over the data. Those of whole numbers are copied.
 */
public final class ExponentialMovingAverage extends Averaged {

  private final double decay;
  private final boolean warmup;

  private ExponentialMovingAverage(Module model, double decay, boolean warmup) {
    super("average", model);
    this.decay = Hyperparameters.checkFraction("average", "decay", decay);
    this.warmup = warmup;
  }

  /** With the same decay in every update; below 1. */
  public static ExponentialMovingAverage of(Module model, double decay) {
    return new ExponentialMovingAverage(model, decay, false);
  }

  /**
   * With a decay that rises to this one, so that the first models are soon forgotten: {@code
   * min(decay, (1 + t) / (10 + t))} after {@code t} updates, as in TensorFlow.
   */
  public static ExponentialMovingAverage withWarmup(Module model, double decay) {
    return new ExponentialMovingAverage(model, decay, true);
  }

  @Override
  boolean averagesBuffers() {
    return true;
  }

  @Override
  double weight(long updates) {
    return 1 - (warmup ? Math.min(decay, (1.0 + updates) / (10.0 + updates)) : decay);
  }
}
