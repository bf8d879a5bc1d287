package io.gradus.train;

import io.gradus.autograd.CapturedStep;
import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.nn.Module;
import io.gradus.op.Pointwise;
import io.gradus.op.Shapes;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.Tensor;
import java.util.List;

/**
 * One step of a training: the mean loss of some batches, its gradient, and what the optimizer makes
 * of it. It is captured and replayed; where loss or gradient is not finite, it changes nothing.
 */
final class TrainStep implements Step {

  private final Module model;
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
    this.model = model;
    this.objective = objective;
    this.optimizer = optimizer;
    this.arguments = arguments;
    this.scaler = scaler;
    this.rewind = new Rewind(model);
  }

  @Override
  public Result run(List<List<Tensor>> batches, Runnable meanwhile) {
    double rate = optimizer.learningRate();
    parts = batches.size();
    Tensor[] inputs = batches.stream().flatMap(List::stream).toArray(Tensor[]::new);
    rewind.markDraws();
    Tensor lossAndNorm = arguments.captureGraph() ? captured.run(inputs) : learn(inputs);
    meanwhile.run();
    float[] read = lossAndNorm.toFloats();
    boolean good = isGood(read[0], read[1]);
    String anomaly = good ? "" : undo(read[0], read[1], batches);
    rescale(good);
    return new Result(read[0], read[1], rate, good, anomaly);
  }

  /** The loss and the norm of its gradient. */
  private Tensor learn(Tensor... inputs) {
    rewind.markBuffers();
    int each = inputs.length / parts;
    Gradients sum = null;
    Tensor loss = null;
    for (int i = 0; i < inputs.length; i += each) {
      try (Tape tape = Tape.record()) {
        Tensor part = Step.lossOf(objective, List.of(inputs).subList(i, i + each));
        sum = tape.keep(tape.accumulate(sum, scaled(part)));
        loss = tape.keep(loss == null ? part : Pointwise.add(loss, part));
      }
    }
    Tensor mean = Pointwise.mul(loss, 1.0 / parts);
    Gradients.Clipped clipped =
        sum.scale(1 / factor())
            .clipFinite(limit(arguments.maxGradNorm()), limit(arguments.explodingGradNorm()), mean);
    optimizer.step(clipped.gradients());
    sum.close();
    return Shapes.stack(0, mean, clipped.norm());
  }

  private Tensor scaled(Tensor loss) {
    return scaler == null ? loss : Pointwise.mul(loss, scaler.scale());
  }

  /** How many times too large the sum of the gradients is. */
  private double factor() {
    return scaler == null ? parts : parts * scaler.scale();
  }

  private static double limit(double norm) {
    return norm > 0 ? norm : Double.POSITIVE_INFINITY;
  }

  // Where something is not finite

  private boolean isGood(double loss, double norm) {
    return Double.isFinite(loss)
        && Double.isFinite(norm)
        && norm <= limit(arguments.explodingGradNorm());
  }

  /** Leaves no trace of a step, and says what was wrong with it. */
  private String undo(double loss, double norm, List<List<Tensor>> batches) {
    optimizer.uncountStep();
    rewind.undoBuffers();
    boolean finiteLoss = Double.isFinite(loss);
    if (scaler != null && finiteLoss && !Double.isFinite(norm) && !scaler.isLowest()) {
      return "";
    }
    return Step.refuse(arguments, optimizer.steps() + 1, loss, norm, () -> origin(batches));
  }

  /** Makes the step again with the same random numbers and looks at each value on the way. */
  private String origin(List<List<Tensor>> batches) {
    double limit = limit(arguments.explodingGradNorm()) * factor();
    Anomaly anomaly = new Anomaly(model, batch -> scaled(Step.lossOf(objective, batch)), limit);
    try {
      return rewind.repeatDraws(() -> anomaly.origin(batches));
    } finally {
      rewind.undoBuffers();
    }
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
