package io.gradus.train;

import io.gradus.nn.Module;
import io.gradus.op.Pointwise;
import io.gradus.optim.ClosureOptimizer;
import io.gradus.tensor.Tensor;
import java.util.List;

/**
 * One step of an optimizer that asks for the loss as often as it needs it: each time the mean over
 * the same batches, with the random numbers and running means of the first time, so that it is one
 * function of the parameters.
 */
final class ClosureStep implements Step {

  private final Module model;
  private final Objective<?> objective;
  private final ClosureOptimizer optimizer;
  private final TrainingArguments arguments;
  private final Rewind rewind;

  ClosureStep(
      Module model,
      Objective<?> objective,
      ClosureOptimizer optimizer,
      TrainingArguments arguments) {
    this.model = model;
    this.objective = objective;
    this.optimizer = optimizer;
    this.arguments = arguments;
    this.rewind = new Rewind(model);
  }

  /** Refuses arguments that cannot be kept. */
  static void check(ClosureOptimizer optimizer, TrainingArguments arguments) {
    check(
        optimizer,
        !arguments.captureGraph(),
        "captureGraph is true",
        "it decides by values how often it asks for the loss, which no graph can hold; set it to"
            + " false");
    check(
        optimizer,
        !arguments.fp16(),
        "fp16 is true",
        "it compares losses and gradients of one scale; set bf16, or neither");
    check(
        optimizer,
        arguments.explodingGradNorm() == 0,
        "explodingGradNorm is " + arguments.explodingGradNorm(),
        "a line search takes gradients of any norm; set it to 0");
  }

  private static void check(
      ClosureOptimizer optimizer, boolean right, String setting, String reason) {
    if (!right) {
      String name = optimizer.getClass().getSimpleName();
      throw new IllegalArgumentException(
          "trainer: " + name + " cannot train where " + setting + ": " + reason);
    }
  }

  @Override
  public Result run(List<List<Tensor>> batches, Runnable meanwhile) {
    double rate = optimizer.learningRate();
    long before = optimizer.steps();
    rewind.markDraws();
    rewind.markBuffers();
    double loss = optimizer.step(() -> loss(batches));
    double norm = optimizer.gradientNorm();
    meanwhile.run(); // it reads values all the time: there is no better moment
    boolean good = optimizer.steps() > before;
    String anomaly = "";
    if (!good) {
      rewind.undoBuffers();
      anomaly = Step.refuse(arguments, before + 1, loss, norm, () -> origin(batches));
    }
    return new Result(loss, norm, rate, good, anomaly);
  }

  private Tensor loss(List<List<Tensor>> batches) {
    rewind.undoDraws();
    rewind.undoBuffers();
    Tensor sum = null;
    for (List<Tensor> batch : batches) {
      Tensor part = Step.lossOf(objective, batch);
      sum = sum == null ? part : Pointwise.add(sum, part);
    }
    return Pointwise.mul(sum, 1.0 / batches.size());
  }

  /** Computes the loss again with the same random numbers and looks at each value on the way. */
  private String origin(List<List<Tensor>> batches) {
    Anomaly anomaly =
        new Anomaly(model, batch -> Step.lossOf(objective, batch), Double.POSITIVE_INFINITY);
    try {
      return rewind.repeatDraws(() -> anomaly.origin(batches));
    } finally {
      rewind.undoBuffers();
    }
  }

  @Override
  public void close() {
    rewind.close();
  }
}
