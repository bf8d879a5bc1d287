package io.gradus.data;

import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * Mixes each example of a batch with another one, inputs and targets alike (Zhang et al. 2018):
 * {@code λ x + (1 - λ) x'} with one λ from Beta(alpha, alpha) for the batch. The targets become
 * probabilities, which {@link io.gradus.op.Losses#crossEntropy} takes.
 *
 * <pre>{@code
 * Mixup mixup = new Mixup(0.2, 10);
 * Batch mixed = mixup.apply(batch, seed.split(step));
 * }</pre>
 *
 * @param alpha above 0; the paper has 0.2 for images, and 1 draws λ evenly
 * @param classes the number of classes
 */
public record Mixup(double alpha, int classes) {

  /** Checks both. */
  public Mixup {
    Mixing.check("mixup", alpha, classes);
  }

  /**
   * A mixed batch; the seed decides how.
   *
   * @param batch inputs (n, …) of a floating type; targets (n), I32 or I64, or probabilities (n,
   *     classes)
   * @return inputs of the same shape and type, targets (n, classes) in F32
   * @throws IndexOutOfBoundsException for a target outside the classes
   */
  public Batch apply(Batch batch, Seed seed) {
    Mixing.checkInputs("mixup", batch);
    double share = Beta.draw(alpha, seed.split(0));
    try (Scope scope = Scope.open()) {
      Tensor partners = Mixing.partners(batch, seed.split(1));
      Tensor targets = Mixing.soft("mixup", batch.targets(), classes);
      return Mixing.keep(
          scope, Mixing.mix(batch.inputs(), partners, share), Mixing.mix(targets, partners, share));
    }
  }
}
