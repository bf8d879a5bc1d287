package io.gradus.metric;

import io.gradus.op.CrossEntropyOptions;
import io.gradus.op.Losses;
import io.gradus.op.Reduction;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.Map;

/**
 * {@code perplexity}: e to the mean cross-entropy of all tokens. Among so many tokens, all as
 * probable, the model might as well have guessed.
 */
public final class Perplexity implements Metric {

  private final long ignored;
  private double loss;
  private long tokens;

  /** Leaves out tokens labelled -100. */
  public Perplexity() {
    this(-100);
  }

  /** Leaves out tokens with another label. */
  public Perplexity(long ignored) {
    this.ignored = ignored;
  }

  /**
   * Counts predictions.
   *
   * @param predictions logits (…, classes)
   * @param labels (…), I32 or I64
   * @throws IndexOutOfBoundsException for a label outside the classes; then nothing is counted
   */
  @Override
  @SuppressWarnings("try") // the scope only has to close
  public void add(Tensor predictions, Tensor labels) {
    long classes = Labels.checkScores("perplexity", predictions, labels);
    long counted = 0;
    for (long label : Labels.withinOr("perplexity: labels", labels, classes, ignored)) {
      counted += label == ignored ? 0 : 1;
    }
    try (Scope scope = Scope.open()) {
      CrossEntropyOptions sum = CrossEntropyOptions.of(Reduction.SUM).ignored(ignored);
      loss += Losses.crossEntropy(predictions, labels, sum).item();
    }
    tokens += counted;
  }

  @Override
  public Map<String, Double> values() {
    return Map.of("perplexity", Math.exp(loss / tokens));
  }

  @Override
  public void reset() {
    loss = 0;
    tokens = 0;
  }
}
