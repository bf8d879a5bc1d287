package io.gradus.op;

import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/** Losses of a prediction and a target, element by element; in F32 whatever the operands' type. */
final class PairLosses {

  /** Is added to a probability so that the logarithm of 0, bounded below, has a gradient of 0. */
  private static final double TINY = 1e-44;

  /** What the logarithm of a probability is at least, as in PyTorch. */
  private static final double LEAST_LOG = -100;

  private PairLosses() {}

  /** Both operands in F32. */
  record Pair(Tensor y, Tensor t) {
    static Pair of(String op, Tensor prediction, Tensor target) {
      Checks.floating(op, prediction);
      Checks.sameDevice(op, prediction, target);
      sameShape(op, prediction, "target", target);
      return new Pair(Pointwise.cast(prediction, DType.F32), Pointwise.cast(target, DType.F32));
    }

    Tensor difference() {
      return Pointwise.sub(y, t);
    }
  }

  /** Broadcasting (n, 1) against (n) would give n² losses without a word. */
  static void sameShape(String op, Tensor prediction, String name, Tensor other) {
    if (!prediction.shape().equals(other.shape())) {
      boolean fits = prediction.size() == other.size();
      throw new IllegalArgumentException(
          op
              + ": prediction and "
              + name
              + " must have the same shape: "
              + prediction.shape()
              + " and "
              + other.shape()
              + (fits ? "; reshape the " + name + " to " + prediction.shape() : ""));
    }
  }

  static Tensor mse(Tensor prediction, Tensor target) {
    Tensor d = Pair.of("mse", prediction, target).difference();
    return Pointwise.mul(d, d);
  }

  static Tensor mae(Tensor prediction, Tensor target) {
    return Pointwise.abs(Pair.of("mae", prediction, target).difference());
  }

  static Tensor huber(Tensor prediction, Tensor target, double delta) {
    if (!(delta > 0)) {
      throw new IllegalArgumentException("huber: delta must be above 0: " + delta);
    }
    return bent(Pair.of("huber", prediction, target).difference(), delta);
  }

  static Tensor smoothL1(Tensor prediction, Tensor target, double beta) {
    if (!(beta >= 0)) {
      throw new IllegalArgumentException("smoothL1: beta must not be negative: " + beta);
    }
    Tensor d = Pair.of("smoothL1", prediction, target).difference();
    return beta == 0 ? Pointwise.abs(d) : Pointwise.div(bent(d, beta), beta);
  }

  /** d² / 2 up to delta, a line from there on: {@code c (d - c / 2)}, c being d held within. */
  private static Tensor bent(Tensor d, double delta) {
    Tensor c = Pointwise.clamp(d, -delta, delta);
    return Pointwise.mul(c, Pointwise.sub(d, Pointwise.mul(c, 0.5)));
  }

  static Tensor bce(Tensor probabilities, Tensor target) {
    Pair pair = Pair.of("bce", probabilities, target);
    Tensor yes = Pointwise.mul(pair.t, boundedLog(pair.y));
    Tensor no = Pointwise.mul(oneMinus(pair.t), boundedLog(oneMinus(pair.y)));
    return Pointwise.neg(Pointwise.add(yes, no));
  }

  /** NaN where there is no logarithm, so that scores taken for probabilities are noticed. */
  private static Tensor boundedLog(Tensor p) {
    return Pointwise.clamp(
        Pointwise.log(Pointwise.add(p, TINY)), LEAST_LOG, Double.POSITIVE_INFINITY);
  }

  private static Tensor oneMinus(Tensor x) {
    return Pointwise.add(Pointwise.neg(x), 1);
  }

  static Tensor bceWithLogits(Tensor logits, Tensor target, Tensor positiveWeight) {
    Pair pair = Pair.of("bceWithLogits", logits, target);
    // Each term by itself: their usual sum, x (1 - t) + log(1 + e^-x), cancels where it is small.
    Tensor yes = Pointwise.mul(pair.t, Activations.softplus(Pointwise.neg(pair.y)));
    Tensor no = Pointwise.mul(oneMinus(pair.t), Activations.softplus(pair.y));
    if (positiveWeight != null) {
      Checks.floating("bceWithLogits", positiveWeight);
      Checks.sameDevice("bceWithLogits", logits, positiveWeight);
      if (positiveWeight.rank() > 0
          && (positiveWeight.rank() != 1
              || logits.rank() < 1
              || positiveWeight.dim(0) != logits.dim(-1))) {
        throw new IllegalArgumentException(
            "bceWithLogits: the positive weight must be one number or have the last size: "
                + positiveWeight.shape()
                + " for logits "
                + logits.shape());
      }
      yes = Pointwise.mul(yes, Pointwise.cast(positiveWeight, DType.F32));
    }
    return Pointwise.add(yes, no);
  }

  static Tensor kl(Tensor logProbs, Tensor target, boolean logTarget) {
    Pair pair = Pair.of("kl", logProbs, target);
    if (logTarget) {
      // A probability of 0 adds 0, and infinity times 0 would not.
      Tensor logs = Pointwise.clamp(pair.t, -Float.MAX_VALUE / 4, Double.POSITIVE_INFINITY);
      return Pointwise.mul(Pointwise.exp(pair.t), Pointwise.sub(logs, pair.y));
    }
    Tensor one = Tensor.full(1, Shape.of(), DType.F32, pair.t.device());
    Tensor safe = Comparisons.where(Comparisons.equal(pair.t, 0), one, pair.t);
    return Pointwise.mul(pair.t, Pointwise.sub(Pointwise.log(safe), pair.y));
  }

  static Tensor hinge(Tensor scores, Tensor target) {
    Pair pair = Pair.of("hinge", scores, target);
    return Activations.relu(oneMinus(Pointwise.mul(pair.y, pair.t)));
  }
}
