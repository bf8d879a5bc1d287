package io.gradus.op;

import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/** Losses that ask for a distance, between scores or between embeddings; in F32. */
final class MarginLosses {

  /** Is added to squared lengths, so that those of 0 have a direction. As in PyTorch. */
  private static final double SQUARE_EPSILON = 1e-12;

  /** Is added to differences, for the same reason. As in PyTorch. */
  private static final double EPSILON = 1e-6;

  private MarginLosses() {}

  static Tensor multiMargin(
      Tensor scores, Tensor labels, int power, double margin, Tensor weights) {
    Checks.floating("multiMargin", scores);
    CrossEntropy.checkLabels("multiMargin", scores, labels);
    CrossEntropy.checkWeights("multiMargin", scores, weights);
    if (power != 1 && power != 2) {
      throw new IllegalArgumentException("multiMargin: the power must be 1 or 2: " + power);
    }
    Tensor x = Pointwise.cast(scores, DType.F32);
    long[] column = Arrays.copyOf(labels.shape().toArray(), x.rank());
    column[x.rank() - 1] = 1;
    Tensor own = Indexing.gather(x, -1, Shapes.reshape(labels, column));
    Tensor excess = Activations.relu(Pointwise.add(Pointwise.sub(x, own), margin));
    if (power == 2) {
      excess = Pointwise.mul(excess, excess);
    }
    Tensor others = Pointwise.add(Pointwise.neg(Indexing.oneHot(labels, x.dim(-1))), 1);
    Tensor losses = Reductions.mean(Pointwise.mul(excess, others), -1);
    return weights == null
        ? losses
        : Pointwise.mul(losses, CrossEntropy.weightsOf(labels, weights));
  }

  static Tensor cosineEmbedding(Tensor a, Tensor b, Tensor target, double margin) {
    Checks.floating("cosineEmbedding", a);
    Checks.floating("cosineEmbedding", b);
    Checks.sameDevice("cosineEmbedding", a, b);
    Checks.sameDevice("cosineEmbedding", a, target);
    if (a.rank() < 1
        || !a.shape().equals(b.shape())
        || !a.shape().without(-1).equals(target.shape())) {
      throw new IllegalArgumentException(
          "cosineEmbedding: both embeddings must be (…, size) and the target (…): "
              + a.shape()
              + ", "
              + b.shape()
              + " and "
              + target.shape());
    }
    Tensor x = Pointwise.cast(a, DType.F32);
    Tensor y = Pointwise.cast(b, DType.F32);
    Tensor lengths = Pointwise.sqrt(Pointwise.mul(squares(x), squares(y)));
    Tensor cosine = Pointwise.div(Reductions.sum(Pointwise.mul(x, y), -1), lengths);
    return Comparisons.where(
        Comparisons.greater(target, 0),
        Pointwise.add(Pointwise.neg(cosine), 1),
        Activations.relu(Pointwise.sub(cosine, margin)));
  }

  private static Tensor squares(Tensor x) {
    return Pointwise.add(Reductions.sum(Pointwise.mul(x, x), -1), SQUARE_EPSILON);
  }

  static Tensor triplet(Tensor anchor, Tensor positive, Tensor negative, double margin) {
    for (Tensor x : new Tensor[] {anchor, positive, negative}) {
      Checks.floating("triplet", x);
      Checks.sameDevice("triplet", anchor, x);
      if (anchor.rank() < 1 || !anchor.shape().equals(x.shape())) {
        throw new IllegalArgumentException(
            "triplet: anchor, positive and negative must have one shape (…, size): "
                + anchor.shape()
                + ", "
                + positive.shape()
                + " and "
                + negative.shape());
      }
    }
    Tensor from = Pointwise.cast(anchor, DType.F32);
    Tensor near = distance(from, positive);
    Tensor far = distance(from, negative);
    return Activations.relu(Pointwise.add(Pointwise.sub(near, far), margin));
  }

  private static Tensor distance(Tensor a, Tensor b) {
    Tensor d = Pointwise.add(Pointwise.sub(a, Pointwise.cast(b, DType.F32)), EPSILON);
    return Pointwise.sqrt(Reductions.sum(Pointwise.mul(d, d), -1));
  }
}
