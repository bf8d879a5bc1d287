package io.gradus.train;

import io.gradus.autograd.NonFiniteException;
import io.gradus.op.Pointwise;
import io.gradus.op.Shapes;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.List;
import java.util.function.Supplier;

/** Makes the steps of a training: what each kind of optimizer makes of some batches. */
sealed interface Step extends AutoCloseable permits TrainStep, ClosureStep {

  /**
   * What came of a step.
   *
   * @param loss the mean of its batches, before the step
   * @param norm of the gradient, before it was clipped
   * @param learningRate of the step
   * @param applied whether it changed the parameters
   * @param anomaly what was wrong where it did not; empty where it did, and where a loss in F16 was
   *     scaled too much
   */
  record Result(double loss, double norm, double learningRate, boolean applied, String anomaly) {}

  /**
   * Makes a step.
   *
   * @param batches the tensors of each batch
   * @param meanwhile runs once, while a device computes the step where it can
   * @throws NonFiniteException where it is not to go on; then no parameter has changed
   */
  Result run(List<List<Tensor>> batches, Runnable meanwhile);

  @Override
  void close();

  /** The loss of one batch, as a scalar in F32. */
  static Tensor lossOf(Objective<?> objective, List<Tensor> batch) {
    Tensor loss = objective.compute(batch).loss();
    if (loss.size() != 1 || !loss.dtype().isFloating()) {
      throw new IllegalArgumentException(
          "train: the loss must be one number: " + loss.describe() + "; take its mean");
    }
    Tensor wide = Pointwise.cast(loss, DType.F32);
    return wide.rank() == 0 ? wide : Shapes.reshape(wide, Shape.of());
  }

  /**
   * Says what was wrong with a step that changed nothing.
   *
   * @param origin names the first value that was wrong
   * @throws NonFiniteException where the arguments say STOP
   */
  static String refuse(
      TrainingArguments arguments, long update, double loss, double norm, Supplier<String> origin) {
    String found =
        (Double.isFinite(loss) ? "the gradient is too large" : "the loss is not finite")
            + " at update "
            + update
            + ": loss "
            + loss
            + ", norm "
            + norm
            + (arguments.detectAnomaly()
                ? "; it began with " + origin.get()
                : "; set detectAnomaly to see where it begins");
    if (arguments.nonFinite() == NonFinite.STOP) {
      throw new NonFiniteException(
          "train: "
              + found
              + "; no parameter was changed: lower the learning rate or skip such steps");
    }
    return found;
  }
}
