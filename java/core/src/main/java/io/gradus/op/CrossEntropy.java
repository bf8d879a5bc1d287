package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/** One use of the cross-entropy: its operands and what its gradient needs of the forward pass. */
final class CrossEntropy {

  private final Tensor logits;
  private final Tensor labels;
  private final CrossEntropyOptions options;
  private final long rows;
  private final long classes;
  private final long stride;

  CrossEntropy(Tensor logits, Tensor labels, CrossEntropyOptions options) {
    this(logits, logits.dim(-1), labels, options);
  }

  /** Of the first {@code classes} columns of the logits; the gradient of the others is 0. */
  CrossEntropy(Tensor logits, long classes, Tensor labels, CrossEntropyOptions options) {
    Checks.floating("crossEntropy", logits);
    checkLabels("crossEntropy", logits, labels);
    checkWeights("crossEntropy", logits, options.weights());
    this.logits = logits;
    this.labels = labels;
    this.options = options;
    this.rows = labels.size();
    this.classes = classes;
    this.stride = logits.dim(-1);
  }

  static void checkLabels(String op, Tensor scores, Tensor labels) {
    Checks.index(op, labels);
    Checks.sameDevice(op, scores, labels);
    if (scores.rank() < 1 || !scores.shape().without(-1).equals(labels.shape())) {
      throw new IllegalArgumentException(
          op
              + ": there must be one label for each row of logits: "
              + scores.shape()
              + " and "
              + labels.shape());
    }
  }

  static void checkWeights(String op, Tensor scores, Tensor weights) {
    if (weights == null) {
      return;
    }
    Checks.type(op, weights, DType.F32);
    Checks.sameDevice(op, scores, weights);
    if (weights.rank() != 1 || weights.dim(0) != scores.dim(-1)) {
      throw new IllegalArgumentException(
          op
              + ": there must be one weight for each class: "
              + weights.shape()
              + " for logits "
              + scores.shape());
    }
  }

  /** The weight of each label's class, of the labels' shape. */
  static Tensor weightsOf(Tensor labels, Tensor weights) {
    Tensor flat = Shapes.reshape(labels, Shape.of(labels.size()));
    return Shapes.reshape(Indexing.gather(weights, 0, flat), labels.shape());
  }

  Tensor loss(boolean inPlace) {
    boolean each = options.reduction() == Reduction.NONE;
    Tensor loss =
        each ? Tensor.empty(labels.shape(), DType.F32, logits.device()) : Tensor.scalarLike(logits);
    Tensor lse = Tensor.empty(Shape.of(rows), DType.F32, logits.device());
    Tensor divisor = Tensor.scalarLike(logits);
    Checks.indexed(
        () ->
            logits
                .backend()
                .crossEntropy(
                    logits.typeCode(),
                    logits.address(),
                    labels.typeCode(),
                    labels.address(),
                    weightsAddress(),
                    loss.address(),
                    lse.address(),
                    divisor.address(),
                    rows,
                    classes,
                    stride,
                    options.ignored(),
                    options.smoothing(),
                    reductionCode()));
    Tensor recorded =
        Tape.record(
            "crossEntropy",
            loss,
            wrt(logits, dloss -> gradient(lse, divisor, dloss, inPlace)),
            constant(labels),
            constantWeights());
    return switch (options.reduction()) {
      case HALF_SUM -> Pointwise.mul(recorded, 0.5);
      case BATCH_MEAN -> Pointwise.mul(recorded, 1 / Reduction.batch(labels));
      default -> recorded;
    };
  }

  private Wrt constantWeights() {
    return constant(options.weights() == null ? labels : options.weights());
  }

  private long weightsAddress() {
    return options.weights() == null ? 0 : options.weights().address();
  }

  /** As the kernel counts them: mean, sum, none. */
  private int reductionCode() {
    return switch (options.reduction()) {
      case MEAN -> 0;
      case NONE -> 2;
      default -> 1;
    };
  }

  private Tensor gradient(Tensor lse, Tensor divisor, Tensor dloss, boolean inPlace) {
    if (Tape.isRecording()) {
      return composed(divisor, dloss);
    }
    Tensor dx = inPlace ? logits.view(logits.shape(), 0) : Tensor.emptyLike(logits);
    logits
        .backend()
        .crossEntropyGrad(
            logits.typeCode(),
            logits.address(),
            labels.typeCode(),
            labels.address(),
            weightsAddress(),
            lse.address(),
            divisor.address(),
            dloss.address(),
            dx.address(),
            rows,
            classes,
            stride,
            options.ignored(),
            options.smoothing(),
            options.reduction() == Reduction.NONE);
    if (inPlace) {
      logits.close();
    }
    return Tape.record(
        "crossEntropyGrad",
        dx,
        constant(logits),
        constant(labels),
        constantWeights(),
        constant(dloss));
  }

  /**
   * {@code (softmax · Σ target - target) · dloss / divisor} of ops that can be differentiated
   * again.
   */
  private Tensor composed(Tensor divisor, Tensor dloss) {
    Tensor kept = Comparisons.notEqual(labels, options.ignored());
    Tensor safe = Comparisons.where(kept, labels, Tensor.zerosLike(labels));
    Tensor target = smoothed(Indexing.oneHot(safe, classes), options, classes);
    Tensor all = Reductions.sum(target, true, -1);
    Tensor scores = stride == classes ? logits : Shapes.narrow(logits, -1, 0, classes);
    Tensor softmax = Softmax.softmax(Pointwise.cast(scores, DType.F32));
    Tensor difference = Pointwise.sub(Pointwise.mul(softmax, all), target);
    Tensor scaled =
        Comparisons.where(
            Comparisons.equal(divisor, 0), Tensor.zerosLike(dloss), Pointwise.div(dloss, divisor));
    Tensor weight = Pointwise.mul(Pointwise.cast(kept, DType.F32), scaled);
    Tensor dx =
        Pointwise.cast(
            Pointwise.mul(difference, Shapes.reshape(weight, column(labels))), logits.dtype());
    if (stride == classes) {
      return dx;
    }
    long[] rest = dx.shape().toArray();
    rest[rest.length - 1] = stride - classes;
    return Shapes.concat(-1, dx, Tensor.zeros(Shape.of(rest), dx.dtype(), dx.device()));
  }

  /** The targets with smoothing and weights: what each class has part in a row's loss. */
  private static Tensor smoothed(Tensor target, CrossEntropyOptions options, long classes) {
    double smoothing = options.smoothing();
    Tensor mixed =
        smoothing == 0
            ? target
            : Pointwise.add(Pointwise.mul(target, 1 - smoothing), smoothing / classes);
    return options.weights() == null ? mixed : Pointwise.mul(mixed, options.weights());
  }

  /** The shape of labels with an axis of one class behind. */
  private static Shape column(Tensor labels) {
    long[] longer = Arrays.copyOf(labels.shape().toArray(), labels.rank() + 1);
    longer[labels.rank()] = 1;
    return Shape.of(longer);
  }

  /** {@link Losses#linearCrossEntropy}. */
  static Tensor linear(Tensor x, Tensor weight, Tensor labels) {
    String op = "linearCrossEntropy";
    Checks.floating(op, x);
    Checks.floating(op, weight);
    Checks.sameDevice(op, x, weight);
    Checks.sameDevice(op, x, labels);
    Tensor in = Mixed.narrows(x) ? Mixed.narrow(x) : x;
    boolean byTensorCores = in.device() != Device.cpu() && in.dtype() != DType.F32;
    Tensor scores = LinearAlgebra.linear(in, byTensorCores ? padded(weight) : weight);
    return new CrossEntropy(scores, weight.dim(0), labels, CrossEntropyOptions.mean()).loss(true);
  }

  /**
   * With so many classes more that each row of 16-bit scores begins at a multiple of 16 bytes,
   * which is what NVIDIA's guide to matrix products asks for where tensor cores are to be fast.
   */
  private static Tensor padded(Tensor weight) {
    long aligned = 8;
    long whole = 64;
    if (weight.rank() != 2 || weight.dim(0) % aligned == 0) {
      return weight;
    }
    Shape more = Shape.of(whole - weight.dim(0) % whole, weight.dim(1));
    return Shapes.concat(0, weight, Tensor.zeros(more, weight.dtype(), weight.device()));
  }

  /** With a probability for each class in the place of a label. */
  static Tensor ofProbabilities(Tensor logits, Tensor targets, CrossEntropyOptions options) {
    Checks.floating("crossEntropy", logits);
    Checks.sameDevice("crossEntropy", logits, targets);
    checkWeights("crossEntropy", logits, options.weights());
    Tensor logs = Softmax.logSoftmax(Pointwise.cast(logits, DType.F32));
    Tensor mixed = smoothed(Pointwise.cast(targets, DType.F32), options, logits.dim(-1));
    return options.reduction().of(Pointwise.neg(Reductions.sum(Pointwise.mul(mixed, logs), -1)));
  }

  /** {@link Losses#nll}. */
  static Tensor nll(Tensor logProbs, Tensor labels, CrossEntropyOptions options) {
    Checks.floating("nll", logProbs);
    checkLabels("nll", logProbs, labels);
    checkWeights("nll", logProbs, options.weights());
    if (options.smoothing() != 0) {
      throw new IllegalArgumentException(
          "nll: there is no smoothing here: " + options.smoothing() + "; crossEntropy has it");
    }
    Tensor kept = Comparisons.notEqual(labels, options.ignored());
    Tensor safe = Comparisons.where(kept, labels, Tensor.zerosLike(labels));
    Tensor index = Shapes.reshape(safe, column(labels));
    Tensor picked = Shapes.reshape(Indexing.gather(logProbs, -1, index), labels.shape());
    Tensor weights = Pointwise.cast(kept, DType.F32);
    if (options.weights() != null) {
      weights = Pointwise.mul(weights, weightsOf(safe, options.weights()));
    }
    // Left out by choice, not by a product: 0 times infinity is not 0.
    Tensor terms = Pointwise.mul(Pointwise.neg(Pointwise.cast(picked, DType.F32)), weights);
    Tensor losses = Comparisons.where(kept, terms, Tensor.zerosLike(terms));
    return options.reduction() == Reduction.MEAN
        ? Pointwise.div(Reductions.sum(losses), Reductions.sum(weights))
        : options.reduction().of(losses);
  }
}
