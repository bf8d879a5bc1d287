package io.gradus.train;

import io.gradus.data.Batch;
import io.gradus.data.Batches;
import io.gradus.data.Dataset;
import io.gradus.metric.ConfusionMatrix;
import io.gradus.nn.Module;
import io.gradus.op.Losses;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;

/**
 * How well a classifier does on a data set.
 *
 * @param loss the mean cross-entropy of all examples
 * @param confusion which classes it takes for which
 */
public record Evaluation(double loss, ConfusionMatrix confusion) {

  /**
   * Runs a model, switched to evaluation meanwhile, over a data set.
   *
   * @param model from inputs to scores (batch, classes)
   * @param data labels are I32 or I64
   */
  public static Evaluation of(Module model, Dataset data, int batchSize) {
    if (data.size() == 0) {
      throw new IllegalArgumentException("evaluation: there are no examples");
    }
    boolean training = model.isTraining();
    model.eval();
    try {
      return run(model, Batches.of(data, batchSize).to(model.device()));
    } finally {
      if (training) {
        model.train();
      }
    }
  }

  @SuppressWarnings("try") // the scope only has to close
  private static Evaluation run(Module model, Batches batches) {
    ConfusionMatrix confusion = null;
    double loss = 0;
    for (Batch batch : batches) {
      try (Scope scope = Scope.open()) {
        Tensor scores = model.forward(batch.inputs());
        if (confusion == null) {
          confusion = new ConfusionMatrix((int) scores.dim(-1));
        }
        confusion.add(scores, batch.targets());
        loss += Losses.crossEntropy(scores, batch.targets()).item() * batch.size();
      }
    }
    return new Evaluation(loss / confusion.total(), confusion);
  }

  /** The share of right predictions. */
  public double accuracy() {
    return confusion.accuracy();
  }
}
