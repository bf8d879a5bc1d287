package io.gradus.op;

import io.gradus.tensor.Tensor;

/**
 * How {@link Losses#crossEntropy} and {@link Losses#nll} count rows and classes. Immutable: each
 * method returns options with one more.
 *
 * <pre>{@code
 * CrossEntropyOptions.mean().smoothing(0.1).weights(weights)
 * }</pre>
 *
 * @param reduction what becomes of the losses of the rows
 * @param weights of the classes, F32 of shape (classes); null where all count alike
 * @param smoothing the share of a label that is spread evenly over all classes, in [0, 1]
 * @param ignored the label of rows that are left out
 */
public record CrossEntropyOptions(
    Reduction reduction, Tensor weights, double smoothing, long ignored) {

  /** The label that is left out where none is named, as in PyTorch. */
  private static final long IGNORED = -100;

  /** Checks the smoothing. */
  public CrossEntropyOptions {
    if (!(smoothing >= 0 && smoothing <= 1)) {
      throw new IllegalArgumentException(
          "crossEntropy: the smoothing must lie in [0, 1]: " + smoothing);
    }
  }

  /**
   * The mean of the rows that are not labelled -100. With weights it is the weighted mean: the sum
   * of the weighted losses by the sum of the labels' weights.
   */
  public static CrossEntropyOptions mean() {
    return of(Reduction.MEAN);
  }

  /** Another reduction, without weights and smoothing. */
  public static CrossEntropyOptions of(Reduction reduction) {
    return new CrossEntropyOptions(reduction, null, 0, IGNORED);
  }

  /** Multiplies the terms of each class by a weight: F32 of shape (classes), without gradient. */
  public CrossEntropyOptions weights(Tensor weights) {
    return new CrossEntropyOptions(reduction, weights, smoothing, ignored);
  }

  /**
   * Spreads so much of each label evenly over all classes (Szegedy et al. 2016): the target is
   * {@code 1 - smoothing} for the label and {@code smoothing / classes} for everyone.
   */
  public CrossEntropyOptions smoothing(double smoothing) {
    return new CrossEntropyOptions(reduction, weights, smoothing, ignored);
  }

  /** Leaves out rows with this label instead of -100. */
  public CrossEntropyOptions ignored(long ignored) {
    return new CrossEntropyOptions(reduction, weights, smoothing, ignored);
  }
}
