package io.gradus.train;

import io.gradus.autograd.CapturedStep;
import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.nn.Module;
import io.gradus.op.Pointwise;
import io.gradus.op.Shapes;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.List;

/**
 * One step of a training: the mean loss of some batches, its gradient, and what the optimizer makes
 * of it. It is captured and replayed; where loss or gradient is not finite, it changes nothing.
 */
final class TrainStep implements AutoCloseable {

  /**
   * What came of a step.
   *
   * @param loss the mean of its batches, before the step
   * @param norm of the gradient, before it was clipped
   * @param learningRate of the step
   * @param applied whether it changed the parameters
   */
  record Result(double loss, double norm, double learningRate, boolean applied) {}

  private final Objective<?> objective;
  private final Optimizer optimizer;
  private final TrainingArguments arguments;
  private final GradScaler scaler; // null without one
  private final Rewind rewind;
  private final CapturedStep captured = CapturedStep.of(this::learn);
  private int parts;

  TrainStep(
      Module model,
      Objective<?> objective,
      Optimizer optimizer,
      TrainingArguments arguments,
      GradScaler scaler) {
    this.objective = objective;
    this.optimizer = optimizer;
    this.arguments = arguments;
    this.scaler = scaler;
    this.rewind = new Rewind(model);
  }

  /**
   * Makes a step.
   *
   * @param batches the tensors of each batch
   * @throws NonFiniteException where it is not to go on; then no parameter has changed
   */
  Result run(List<List<Tensor>> batches) {
    double rate = optimizer.learningRate();
    parts = batches.size();
    Tensor[] inputs = batches.stream().flatMap(List::stream).toArray(Tensor[]::new);
    rewind.markDraws();
    Tensor lossAndNorm = arguments.captureGraph() ? captured.run(inputs) : learn(inputs);
    float[] read = lossAndNorm.toFloats();
    boolean good = isGood(read[0], read[1]);
    if (!good) {
      undo(read[0], read[1], inputs);
    }
    rescale(good);
    return new Result(read[0], read[1], rate, good);
  }

  /** The loss and the norm of its gradient. */
  @SuppressWarnings("try") // the scope only has to close
  private Tensor learn(Tensor... inputs) {
    rewind.markBuffers();
    int each = inputs.length / parts;
    Gradients sum = null;
    Tensor loss = null;
    for (int i = 0; i < inputs.length; i += each) {
      try (Tape tape = Tape.record()) {
        Tensor part = lossOf(List.of(inputs).subList(i, i + each));
        Tensor scaled = scaler == null ? part : Pointwise.mul(part, scaler.scale());
        sum = tape.keep(tape.accumulate(sum, scaled));
        loss = tape.keep(loss == null ? part : Pointwise.add(loss, part));
      }
    }
    double share = 1.0 / parts;
    Tensor mean = Pointwise.mul(loss, share);
    Gradients gradients = sum.scale(scaler == null ? share : share / scaler.scale());
    Gradients.Clipped clipped =
        gradients.clipFinite(
            limit(arguments.maxGradNorm()), limit(arguments.explodingGradNorm()), mean);
    optimizer.step(clipped.gradients());
    sum.close();
    return Shapes.stack(0, mean, clipped.norm());
  }

  private static double limit(double norm) {
    return norm > 0 ? norm : Double.POSITIVE_INFINITY;
  }

  private Tensor lossOf(List<Tensor> batch) {
    Tensor loss = objective.compute(batch).loss();
    if (loss.size() != 1 || !loss.dtype().isFloating()) {
      throw new IllegalArgumentException(
          "train: the loss must be one number: " + loss.describe() + "; take its mean");
    }
    Tensor wide = loss.dtype() == DType.F32 ? loss : Pointwise.cast(loss, DType.F32);
    return wide.rank() == 0 ? wide : Shapes.reshape(wide, Shape.of());
  }

  // Where something is not finite

  private boolean isGood(double loss, double norm) {
    return Double.isFinite(loss)
        && Double.isFinite(norm)
        && norm <= limit(arguments.explodingGradNorm());
  }

  private void undo(double loss, double norm, Tensor[] inputs) {
    optimizer.uncountStep();
    rewind.undoBuffers();
    boolean overflow =
        scaler != null && Double.isFinite(loss) && !Double.isFinite(norm) && !scaler.isLowest();
    if (!overflow && arguments.nonFinite() == NonFinite.STOP) {
      throw new NonFiniteException(
          "train: "
              + what(loss, norm)
              + " at step "
              + (optimizer.steps() + 1)
              + ": loss "
              + loss
              + ", norm of the gradient "
              + norm
              + "; nothing was changed; lower the learning rate, or set detectAnomaly to see where"
              + " it began");
    }
  }

  private static String what(double loss, double norm) {
    if (!Double.isFinite(loss)) {
      return "the loss is not finite";
    }
    return Double.isFinite(norm)
        ? "the gradient is larger than explodingGradNorm allows"
        : "the gradient is not finite";
  }

  /** A graph holds the scale as a number, so another scale is another graph. */
  private void rescale(boolean good) {
    if (scaler != null) {
      double before = scaler.scale();
      scaler.update(good);
      if (scaler.scale() != before) {
        captured.close();
      }
    }
  }

  @Override
  public void close() {
    captured.close();
    rewind.close();
  }
}
