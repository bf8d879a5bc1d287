package io.gradus.train;

import io.gradus.data.TokenBatch;
import io.gradus.data.TokenBatches;
import io.gradus.model.Gpt;
import io.gradus.op.Losses;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * How well a language model does on text.
 *
 * @param loss the mean cross-entropy of the tokens that follow others, in nats; NaN where there are
 *     none
 * @param tokens how many those are
 */
public record TextEvaluation(double loss, long tokens) {

  /**
   * Runs a model, switched to evaluation meanwhile, over text.
   *
   * @param text on the device of the model, in order
   * @param most the most batches; 0 for all
   * @throws IllegalArgumentException where {@code most} is negative
   */
  public static TextEvaluation of(Gpt model, TokenBatches text, long most) {
    if (most < 0) {
      throw new IllegalArgumentException(
          "evaluation: the most batches must not be negative: " + most);
    }
    boolean training = model.isTraining();
    model.eval();
    try {
      return run(model, text, most == 0 ? text.count() : Math.min(text.count(), most));
    } finally {
      if (training) {
        model.train();
      }
    }
  }

  @SuppressWarnings("try") // the scope only has to close
  private static TextEvaluation run(Gpt model, TokenBatches text, long count) {
    double loss = 0;
    long tokens = 0;
    for (long i = 0; i < count; i++) {
      try (Scope scope = Scope.open()) {
        TokenBatch batch = text.get(i);
        long targets =
            Arrays.stream(batch.targets().toInts())
                .filter(target -> target != TokenBatches.NO_TARGET)
                .count();
        if (targets > 0) {
          Tensor scores = model.forward(batch.inputs(), batch.documents(), batch.positions());
          loss += Losses.crossEntropy(scores, batch.targets()).item() * targets;
          tokens += targets;
        }
      }
    }
    return new TextEvaluation(loss / tokens, tokens);
  }

  /** {@code e^loss}: among how many tokens the model hesitates, as it were. */
  public double perplexity() {
    return Math.exp(loss);
  }
}
