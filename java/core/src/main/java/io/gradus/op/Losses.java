package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/** What training makes small. */
public final class Losses {

  /** The label that is left out where none is named, as in PyTorch. */
  private static final long IGNORED = -100;

  private Losses() {}

  /**
   * The mean cross-entropy of class scores: {@code mean(log Σ e^row - row[label])}, softmax
   * included.
   *
   * @param logits (rows, classes) or (…, classes), F32, BF16 or F16
   * @param labels (rows) or (…), I32 or I64, each in [0, classes); rows labelled -100 are left out
   * @return an F32 scalar; NaN where every row is left out
   * @throws IndexOutOfBoundsException for a label outside the classes
   */
  public static Tensor crossEntropy(Tensor logits, Tensor labels) {
    return crossEntropy(logits, labels, IGNORED);
  }

  /** As {@link #crossEntropy(Tensor, Tensor)}, leaving out rows that carry another label. */
  public static Tensor crossEntropy(Tensor logits, Tensor labels, long ignored) {
    return new CrossEntropy(logits, labels, ignored).loss(false);
  }

  /**
   * As {@link #crossEntropy(Tensor, Tensor)}, but the gradient takes the logits' memory, which for
   * a language model is the largest tensor of a step. After {@code gradients}, the logits' values
   * are gone and so must not be read.
   */
  public static Tensor crossEntropyInPlace(Tensor logits, Tensor labels) {
    return new CrossEntropy(logits, labels, IGNORED).loss(true);
  }

  /** One use of the loss: its operands and what its gradient needs of the forward pass. */
  private static final class CrossEntropy {
    private final Tensor logits;
    private final Tensor labels;
    private final long ignored;
    private final long rows;
    private final long classes;

    CrossEntropy(Tensor logits, Tensor labels, long ignored) {
      Checks.floating("crossEntropy", logits);
      Checks.index("crossEntropy", labels);
      Checks.sameDevice("crossEntropy", logits, labels);
      if (logits.rank() < 1 || !logits.shape().without(-1).equals(labels.shape())) {
        throw new IllegalArgumentException(
            "crossEntropy: there must be one label for each row of logits: "
                + logits.shape()
                + " and "
                + labels.shape());
      }
      this.logits = logits;
      this.labels = labels;
      this.ignored = ignored;
      this.rows = labels.size();
      this.classes = logits.dim(-1);
    }

    Tensor loss(boolean inPlace) {
      Tensor loss = Tensor.scalarLike(logits);
      Tensor lse = Tensor.empty(Shape.of(rows), DType.F32, logits.device());
      Tensor count = Tensor.scalarLike(logits);
      Checks.indexed(
          () ->
              logits
                  .backend()
                  .crossEntropy(
                      logits.typeCode(),
                      logits.address(),
                      labels.typeCode(),
                      labels.address(),
                      loss.address(),
                      lse.address(),
                      count.address(),
                      rows,
                      classes,
                      ignored));
      return Tape.record(
          "crossEntropy",
          loss,
          wrt(logits, dloss -> gradient(lse, count, dloss, inPlace)),
          constant(labels));
    }

    private Tensor gradient(Tensor lse, Tensor count, Tensor dloss, boolean inPlace) {
      if (Tape.isRecording()) {
        return composed(count, dloss);
      }
      Tensor dx = inPlace ? logits.view(logits.shape(), 0) : Tensor.emptyLike(logits);
      logits
          .backend()
          .crossEntropyGrad(
              logits.typeCode(),
              logits.address(),
              labels.typeCode(),
              labels.address(),
              lse.address(),
              count.address(),
              dloss.address(),
              dx.address(),
              rows,
              classes,
              ignored);
      if (inPlace) {
        logits.close();
      }
      return Tape.record(
          "crossEntropyGrad", dx, constant(logits), constant(labels), constant(dloss));
    }

    /** {@code (softmax - oneHot) · dloss / count} of ops that can be differentiated again. */
    private Tensor composed(Tensor count, Tensor dloss) {
      Tensor used = Pointwise.cast(Comparisons.notEqual(labels, ignored), DType.F32);
      Tensor safe = Comparisons.where(Comparisons.notEqual(labels, ignored), labels, zeros());
      Tensor target = Pointwise.cast(Indexing.oneHot(safe, classes), logits.dtype());
      Tensor difference = Pointwise.sub(Softmax.softmax(logits), target);
      Tensor weight = Pointwise.mul(used, Pointwise.div(dloss, count));
      Shape column = Shape.of(append(labels.shape().toArray(), 1));
      return Pointwise.mul(
          difference, Pointwise.cast(Shapes.reshape(weight, column), logits.dtype()));
    }

    private Tensor zeros() {
      return Tensor.zerosLike(labels);
    }

    private static long[] append(long[] dims, long last) {
      long[] longer = Arrays.copyOf(dims, dims.length + 1);
      longer[dims.length] = last;
      return longer;
    }
  }
}
