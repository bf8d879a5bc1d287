package io.gradus.op;

import io.gradus.tensor.Tensor;

/**
 * What training makes small. A loss is F32 whatever the type of its operands, F32, BF16 or F16, and
 * is computed in F32. What becomes of the losses of a batch, {@link Reduction} says: where none is
 * named, their mean. Predictions and targets must have the same shape; nothing is broadcast.
 */
public final class Losses {

  private Losses() {}

  // Regression

  /**
   * The mean squared error: the mean of {@code (y - t)²}.
   *
   * @param prediction y, of any shape
   * @param target t, of the same shape and any type
   * @return an F32 scalar
   * @throws IllegalArgumentException where the shapes differ
   */
  public static Tensor mse(Tensor prediction, Tensor target) {
    return mse(prediction, target, Reduction.MEAN);
  }

  /**
   * The squared error {@code (y - t)²} with another reduction; {@link Reduction#HALF_SUM} gives
   * {@code ½ Σ (y - t)²}.
   */
  public static Tensor mse(Tensor prediction, Tensor target, Reduction reduction) {
    return reduction.of(PairLosses.mse(prediction, target));
  }

  /** The mean absolute error {@code |y - t|}, PyTorch's L1Loss; operands as in {@link #mse}. */
  public static Tensor mae(Tensor prediction, Tensor target) {
    return mae(prediction, target, Reduction.MEAN);
  }

  /** The absolute error with another reduction. */
  public static Tensor mae(Tensor prediction, Tensor target, Reduction reduction) {
    return reduction.of(PairLosses.mae(prediction, target));
  }

  /** {@link #huber(Tensor, Tensor, double, Reduction)} with delta 1, its mean. */
  public static Tensor huber(Tensor prediction, Tensor target) {
    return huber(prediction, target, 1, Reduction.MEAN);
  }

  /**
   * The loss of Huber (1964): with {@code d = y - t}, {@code d² / 2} where {@code |d| <= delta},
   * else {@code delta (|d| - delta / 2)}; operands as in {@link #mse}.
   *
   * @param delta above 0
   */
  public static Tensor huber(Tensor prediction, Tensor target, double delta, Reduction reduction) {
    return reduction.of(PairLosses.huber(prediction, target, delta));
  }

  /** {@link #smoothL1(Tensor, Tensor, double, Reduction)} with beta 1, its mean. */
  public static Tensor smoothL1(Tensor prediction, Tensor target) {
    return smoothL1(prediction, target, 1, Reduction.MEAN);
  }

  /**
   * The smooth L1 loss (Girshick 2015): with {@code d = y - t}, {@code d² / (2 beta)} where {@code
   * |d| <= beta}, else {@code |d| - beta / 2}. It is {@link #huber} by beta; operands as in {@link
   * #mse}.
   *
   * @param beta 0 or above; at 0 it is {@link #mae}
   */
  public static Tensor smoothL1(
      Tensor prediction, Tensor target, double beta, Reduction reduction) {
    return reduction.of(PairLosses.smoothL1(prediction, target, beta));
  }

  // Yes or no

  /** {@link #bce(Tensor, Tensor, Reduction)}, its mean. */
  public static Tensor bce(Tensor probabilities, Tensor target) {
    return bce(probabilities, target, Reduction.MEAN);
  }

  /**
   * The binary cross-entropy {@code -(t log p + (1 - t) log(1 - p))}. A logarithm is at least -100,
   * as in PyTorch, and has no gradient where it is bounded so. For scores rather than probabilities
   * use {@link #bceWithLogits}, which loses no digits.
   *
   * @param probabilities p in [0, 1], of any shape; outside, the loss is NaN
   * @param target t in [0, 1], of the same shape and any type
   * @throws IllegalArgumentException where the shapes differ
   */
  public static Tensor bce(Tensor probabilities, Tensor target, Reduction reduction) {
    return reduction.of(PairLosses.bce(probabilities, target));
  }

  /** {@link #bceWithLogits(Tensor, Tensor, Tensor, Reduction)}, its mean, with no weight. */
  public static Tensor bceWithLogits(Tensor logits, Tensor target) {
    return bceWithLogits(logits, target, null, Reduction.MEAN);
  }

  /**
   * The binary cross-entropy of scores, sigmoid included: {@code w t log(1 + e^-x) + (1 - t) log(1
   * + e^x)}.
   *
   * @param logits x, of any shape
   * @param target t in [0, 1], of the same shape and any type
   * @param positiveWeight w, what a positive counts: a scalar, or for each column (last size of the
   *     logits); null for 1
   * @throws IllegalArgumentException where the shapes differ
   */
  public static Tensor bceWithLogits(
      Tensor logits, Tensor target, Tensor positiveWeight, Reduction reduction) {
    return reduction.of(PairLosses.bceWithLogits(logits, target, positiveWeight));
  }

  /** {@link #hinge(Tensor, Tensor, Reduction)}, its mean. */
  public static Tensor hinge(Tensor scores, Tensor target) {
    return hinge(scores, target, Reduction.MEAN);
  }

  /**
   * The hinge loss {@code max(0, 1 - t x)} of a support vector machine (Cortes and Vapnik 1995).
   *
   * @param scores x, of any shape
   * @param target t, of the same shape and any signed type: 1 or -1
   * @throws IllegalArgumentException where the shapes differ
   */
  public static Tensor hinge(Tensor scores, Tensor target, Reduction reduction) {
    return reduction.of(PairLosses.hinge(scores, target));
  }

  // One of several classes

  /**
   * The mean cross-entropy of class scores: {@code mean(log Σ e^row - row[label])}, softmax
   * included.
   *
   * @param logits (rows, classes) or (…, classes), F32, BF16 or F16
   * @param targets labels (rows) or (…), I32 or I64, each in [0, classes); rows labelled -100 are
   *     left out. Or, of a floating type and the logits' shape, probabilities p of the classes:
   *     then the loss of a row is {@code Σ p (log Σ e^row - row)}
   * @return an F32 scalar; NaN where every row is left out
   * @throws IndexOutOfBoundsException for a label outside the classes
   */
  public static Tensor crossEntropy(Tensor logits, Tensor targets) {
    return crossEntropy(logits, targets, CrossEntropyOptions.mean());
  }

  /** As {@link #crossEntropy(Tensor, Tensor)}, leaving out rows that carry another label. */
  public static Tensor crossEntropy(Tensor logits, Tensor labels, long ignored) {
    return crossEntropy(logits, labels, CrossEntropyOptions.mean().ignored(ignored));
  }

  /**
   * As {@link #crossEntropy(Tensor, Tensor)} with label smoothing, class weights, an ignored label
   * and a reduction: with the weights w and the target t of each class, {@code Σ w t (log Σ e^row -
   * row)}. The mean of labelled rows is by the sum of {@code w[label]}, that of rows with
   * probabilities by their number, as in PyTorch.
   */
  public static Tensor crossEntropy(Tensor logits, Tensor targets, CrossEntropyOptions options) {
    return targets.dtype().isFloating() && targets.shape().equals(logits.shape())
        ? CrossEntropy.ofProbabilities(logits, targets, options)
        : new CrossEntropy(logits, targets, options).loss(false);
  }

  /**
   * As {@link #crossEntropy(Tensor, Tensor)}, but the gradient takes the logits' memory, which for
   * a language model is the largest tensor of a step. After {@code gradients}, the logits' values
   * are gone and so must not be read.
   */
  public static Tensor crossEntropyInPlace(Tensor logits, Tensor labels) {
    return new CrossEntropy(logits, labels, CrossEntropyOptions.mean()).loss(true);
  }

  /**
   * The cross-entropy of {@code x weightᵀ}: a classifier's or language model's last layer and its
   * loss in one. Nobody sees the scores, so they are laid out as products like them best, and the
   * gradient takes their memory.
   *
   * @param x (rows, in) or (…, in), F32, BF16 or F16
   * @param weight (classes, in), of any floating type
   * @param labels (rows) or (…), I32 or I64, each in [0, classes); rows labelled -100 are left out
   * @return an F32 scalar; NaN where every row is left out
   * @throws IndexOutOfBoundsException for a label outside the classes
   */
  public static Tensor linearCrossEntropy(Tensor x, Tensor weight, Tensor labels) {
    return CrossEntropy.linear(x, weight, labels);
  }

  /** {@link #nll(Tensor, Tensor, CrossEntropyOptions)}, its mean. */
  public static Tensor nll(Tensor logProbs, Tensor labels) {
    return nll(logProbs, labels, CrossEntropyOptions.mean());
  }

  /**
   * The negative log-likelihood {@code -w[label] row[label]} of log-probabilities, such as {@link
   * Softmax#logSoftmax} gives; {@link #crossEntropy} does both in one.
   *
   * @param logProbs (…, classes)
   * @param labels (…), I32 or I64, each in [0, classes)
   * @param options without smoothing
   * @throws IndexOutOfBoundsException for a label outside the classes
   */
  public static Tensor nll(Tensor logProbs, Tensor labels, CrossEntropyOptions options) {
    return CrossEntropy.nll(logProbs, labels, options);
  }

  /**
   * {@link #multiMargin(Tensor, Tensor, int, double, Tensor, Reduction)} with power and margin 1.
   */
  public static Tensor multiMargin(Tensor scores, Tensor labels) {
    return multiMargin(scores, labels, 1, 1, null, Reduction.MEAN);
  }

  /**
   * The hinge loss of several classes (Weston and Watkins 1999): {@code weights[label] · Σ max(0,
   * margin - row[label] + row[i])^power / classes} over the classes i other than the label.
   *
   * @param scores (…, classes)
   * @param labels (…), I32 or I64, each in [0, classes)
   * @param power 1 or 2
   * @param weights (classes), F32; null for 1. A mean is one over rows, whatever they weigh
   * @throws IndexOutOfBoundsException for a label outside the classes
   */
  public static Tensor multiMargin(
      Tensor scores, Tensor labels, int power, double margin, Tensor weights, Reduction reduction) {
    return reduction.of(MarginLosses.multiMargin(scores, labels, power, margin, weights));
  }

  // Distributions

  /**
   * {@link #kl(Tensor, Tensor, boolean, Reduction)} of probabilities, by the number of examples.
   */
  public static Tensor kl(Tensor logProbs, Tensor target) {
    return kl(logProbs, target, false, Reduction.BATCH_MEAN);
  }

  /**
   * The divergence of Kullback and Leibler (1951) of the prediction from the target, {@code t (log
   * t - x)} for each element; 0 where t is 0. Only the sum over a distribution means something, so
   * {@link Reduction#BATCH_MEAN} is what most want.
   *
   * @param logProbs x, the logarithms of the predicted probabilities, of any shape
   * @param target the probabilities t, or with {@code logTarget} their logarithms, of the same
   *     shape
   * @throws IllegalArgumentException where the shapes differ
   */
  public static Tensor kl(Tensor logProbs, Tensor target, boolean logTarget, Reduction reduction) {
    return reduction.of(PairLosses.kl(logProbs, target, logTarget));
  }

  // Embeddings

  /** {@link #cosineEmbedding(Tensor, Tensor, Tensor, double, Reduction)}, its mean at margin 0. */
  public static Tensor cosineEmbedding(Tensor a, Tensor b, Tensor target) {
    return cosineEmbedding(a, b, target, 0, Reduction.MEAN);
  }

  /**
   * Turns embeddings of similar things towards each other and others apart: {@code 1 - cos(a, b)}
   * where the target is above 0, else {@code max(0, cos(a, b) - margin)}.
   *
   * @param a (…, size)
   * @param b of a's shape
   * @param target (…), 1 or -1
   */
  public static Tensor cosineEmbedding(
      Tensor a, Tensor b, Tensor target, double margin, Reduction reduction) {
    return reduction.of(MarginLosses.cosineEmbedding(a, b, target, margin));
  }

  /** {@link #triplet(Tensor, Tensor, Tensor, double, Reduction)}, its mean at margin 1. */
  public static Tensor triplet(Tensor anchor, Tensor positive, Tensor negative) {
    return triplet(anchor, positive, negative, 1, Reduction.MEAN);
  }

  /**
   * Moves an anchor nearer to its like than to others (Balntas et al. 2016; Schroff et al. 2015):
   * {@code max(0, |anchor - positive| - |anchor - negative| + margin)}, Euclidean lengths along the
   * last axis; as in PyTorch, 1e-6 is added to each difference.
   *
   * @param anchor (…, size)
   * @param positive of the same shape, what the anchor is like
   * @param negative of the same shape, what it is not
   */
  public static Tensor triplet(
      Tensor anchor, Tensor positive, Tensor negative, double margin, Reduction reduction) {
    return reduction.of(MarginLosses.triplet(anchor, positive, negative, margin));
  }

  // Sequences

  /** {@link #ctc(Tensor, Tensor, Tensor, Tensor, long, boolean, Reduction)} with blank 0. */
  public static Tensor ctc(
      Tensor logProbs, Tensor targets, Tensor inputLengths, Tensor targetLengths) {
    return ctc(logProbs, targets, inputLengths, targetLengths, 0, false, Reduction.MEAN);
  }

  /**
   * Connectionist temporal classification (Graves et al. 2006): minus the logarithm of the
   * probability that the steps of the input, with repeats and blanks taken out, read as the target.
   * Where it cannot be read so, for want of steps, the loss is infinite and the gradient NaN. It
   * can be differentiated once.
   *
   * @param logProbs (time, batch, classes), as {@link Softmax#logSoftmax} gives them. The gradient
   *     is that by these numbers; PyTorch's takes a softmax before for granted
   * @param targets (batch, length), I32 or I64, each in [0, classes) and none the blank; padding
   *     behind a target's length may be anything
   * @param inputLengths (batch), I32 or I64, how many steps of each input count
   * @param targetLengths (batch), I32 or I64
   * @param blank the class that stands for no label
   * @param zeroInfinity makes infinite losses and their gradients 0
   * @param reduction the mean divides each loss by its target's length first, as in PyTorch
   * @throws IndexOutOfBoundsException for a target or a length outside
   */
  public static Tensor ctc(
      Tensor logProbs,
      Tensor targets,
      Tensor inputLengths,
      Tensor targetLengths,
      long blank,
      boolean zeroInfinity,
      Reduction reduction) {
    return new Ctc(logProbs, targets, inputLengths, targetLengths, blank, zeroInfinity)
        .loss(reduction);
  }
}
