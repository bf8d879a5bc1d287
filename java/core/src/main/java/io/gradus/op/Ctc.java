package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/** One use of connectionist temporal classification. */
final class Ctc {

  private final Tensor logProbs;
  private final Tensor targets;
  private final Tensor inputLengths;
  private final Tensor targetLengths;
  private final long blank;
  private final boolean zeroInfinity;
  private final long time;
  private final long batch;
  private final long classes;

  Ctc(
      Tensor logProbs,
      Tensor targets,
      Tensor inputLengths,
      Tensor targetLengths,
      long blank,
      boolean zeroInfinity) {
    Checks.floating("ctc", logProbs);
    for (Tensor index : new Tensor[] {targets, inputLengths, targetLengths}) {
      Checks.index("ctc", index);
      Checks.sameDevice("ctc", logProbs, index);
    }
    Shape each = logProbs.rank() == 3 ? Shape.of(logProbs.dim(1)) : null;
    if (each == null
        || targets.rank() != 2
        || targets.dim(0) != logProbs.dim(1)
        || !inputLengths.shape().equals(each)
        || !targetLengths.shape().equals(each)) {
      throw new IllegalArgumentException(
          "ctc: log-probabilities must be (time, batch, classes), targets (batch, length), lengths"
              + " (batch): "
              + logProbs.shape()
              + ", "
              + targets.shape()
              + ", "
              + inputLengths.shape()
              + " and "
              + targetLengths.shape());
    }
    if (blank < 0 || blank >= logProbs.dim(2)) {
      throw new IllegalArgumentException(
          "ctc: the blank must be one of " + logProbs.dim(2) + " classes: " + blank);
    }
    this.logProbs = logProbs;
    this.targets = targets;
    this.inputLengths = Pointwise.cast(inputLengths, targets.dtype());
    this.targetLengths = Pointwise.cast(targetLengths, targets.dtype());
    this.blank = blank;
    this.zeroInfinity = zeroInfinity;
    this.time = logProbs.dim(0);
    this.batch = logProbs.dim(1);
    this.classes = logProbs.dim(2);
  }

  Tensor loss(Reduction reduction) {
    Tensor losses = Tensor.empty(Shape.of(batch), DType.F32, logProbs.device());
    Shape states = Shape.of(batch, time, 2 * targets.dim(1) + 1);
    Tensor alpha = Tensor.empty(states, DType.F32, logProbs.device());
    Checks.indexed(
        () ->
            logProbs
                .backend()
                .ctc(
                    logProbs.typeCode(),
                    logProbs.address(),
                    targets.typeCode(),
                    targets.address(),
                    inputLengths.address(),
                    targetLengths.address(),
                    losses.address(),
                    alpha.address(),
                    time,
                    batch,
                    classes,
                    targets.dim(1),
                    blank,
                    zeroInfinity));
    Tensor recorded =
        Tape.record(
            "ctc",
            losses,
            wrt(logProbs, dloss -> gradient(alpha, dloss)),
            constant(targets),
            constant(inputLengths),
            constant(targetLengths));
    if (reduction != Reduction.MEAN) {
      return reduction.of(recorded);
    }
    Tensor lengths =
        Pointwise.clamp(Pointwise.cast(targetLengths, DType.F32), 1, Double.POSITIVE_INFINITY);
    return Reductions.mean(Pointwise.div(recorded, lengths));
  }

  private Tensor gradient(Tensor alpha, Tensor dloss) {
    if (Tape.isRecording()) {
      throw new IllegalStateException(
          "ctc: its gradient cannot be differentiated again; take first derivatives of it only");
    }
    Tensor dx = Tensor.emptyLike(logProbs);
    logProbs
        .backend()
        .ctcGrad(
            logProbs.typeCode(),
            logProbs.address(),
            targets.typeCode(),
            targets.address(),
            inputLengths.address(),
            targetLengths.address(),
            alpha.address(),
            dloss.address(),
            dx.address(),
            time,
            batch,
            classes,
            targets.dim(1),
            blank,
            zeroInfinity);
    return Tape.record("ctcGrad", dx, constant(logProbs), constant(targets), constant(dloss));
  }
}
