package io.gradus.op;

import io.gradus.tensor.Shape;

/** The losses, from their formulas, in double. */
final class LossReference {

  private LossReference() {}

  static Doubles reduce(Doubles losses, Reduction reduction) {
    double sum = 0;
    for (double loss : losses.values()) {
      sum += loss;
    }
    double examples = losses.rank() == 0 ? 1 : losses.dim(0);
    return switch (reduction) {
      case MEAN -> Doubles.scalar(sum / losses.values().length);
      case SUM -> Doubles.scalar(sum);
      case NONE -> losses;
      case HALF_SUM -> Doubles.scalar(sum / 2);
      case BATCH_MEAN -> Doubles.scalar(sum / examples);
    };
  }

  /**
   * {@code -Σ w t log softmax(row)} for each row, with t the smoothed label; then the sum by that
   * of the labels' weights, or what the reduction says.
   *
   * @param weights null for 1
   */
  static Doubles crossEntropy(
      Doubles logits, Doubles labels, Doubles weights, CrossEntropyOptions options) {
    Doubles logs = Reference.logSoftmax(rows(logits));
    long classes = logits.dim(-1);
    double smoothing = options.smoothing();
    return labelled(
        labels,
        weights,
        options,
        (row, label) -> {
          double loss = 0;
          for (int c = 0; c < classes; c++) {
            double target = (c == label ? 1 - smoothing : 0) + smoothing / classes;
            loss -= target == 0 ? 0 : target * weight(weights, c) * logs.at(row, c);
          }
          return loss;
        });
  }

  static Doubles nll(
      Doubles logProbs, Doubles labels, Doubles weights, CrossEntropyOptions options) {
    Doubles rows = rows(logProbs);
    return labelled(
        labels, weights, options, (row, label) -> -weight(weights, label) * rows.at(row, label));
  }

  private interface RowLoss {
    double of(int row, long label);
  }

  private static Doubles labelled(
      Doubles labels, Doubles weights, CrossEntropyOptions options, RowLoss formula) {
    double[] losses = new double[labels.values().length];
    double sum = 0;
    double divisor = 0;
    for (int row = 0; row < losses.length; row++) {
      long label = (long) labels.values()[row];
      if (label != options.ignored()) {
        losses[row] = formula.of(row, label);
        sum += losses[row];
        divisor += weight(weights, label);
      }
    }
    return options.reduction() == Reduction.MEAN
        ? Doubles.scalar(sum / divisor)
        : reduce(new Doubles(labels.shape(), losses), options.reduction());
  }

  private static double weight(Doubles weights, long label) {
    return weights == null ? 1 : weights.at(label);
  }

  private static Doubles rows(Doubles x) {
    long classes = x.dim(-1);
    return x.reshape(Shape.of(x.shape().size(0, x.rank() - 1), classes));
  }

  /** With a distribution for each row. */
  static Doubles crossEntropyOfProbabilities(
      Doubles logits, Doubles targets, double smoothing, Reduction reduction) {
    Doubles logs = Reference.logSoftmax(rows(logits));
    Doubles p = rows(targets);
    long classes = logits.dim(-1);
    Doubles losses =
        Doubles.of(
            Shape.of(p.dim(0)),
            i -> {
              double loss = 0;
              for (int c = 0; c < classes; c++) {
                double target = p.at(i[0], c) * (1 - smoothing) + smoothing / classes;
                loss -= target * logs.at(i[0], c);
              }
              return loss;
            });
    return reduce(losses.reshape(logits.shape().without(-1)), reduction);
  }

  /**
   * Of each row.
   *
   * @param weights null for 1
   */
  static Doubles multiMargin(
      Doubles scores, Doubles labels, int power, double margin, Doubles weights) {
    Doubles rows = rows(scores);
    long classes = scores.dim(-1);
    Doubles flat = labels.reshape(Shape.of(rows.dim(0)));
    return Doubles.of(
            flat.shape(),
            i -> {
              long label = (long) flat.at(i);
              double loss = 0;
              for (int c = 0; c < classes; c++) {
                double excess = Math.max(0, margin - rows.at(i[0], label) + rows.at(i[0], c));
                loss += c == label ? 0 : Math.pow(excess, power);
              }
              return weight(weights, label) * loss / classes;
            })
        .reshape(labels.shape());
  }

  static Doubles cosineEmbedding(Doubles a, Doubles b, Doubles target, double margin) {
    Doubles x = rows(a);
    Doubles y = rows(b);
    Doubles flat = target.reshape(Shape.of(x.dim(0)));
    return Doubles.of(
            flat.shape(),
            i -> {
              double product = 0;
              double xs = 1e-12;
              double ys = 1e-12;
              for (int c = 0; c < x.dim(1); c++) {
                product += x.at(i[0], c) * y.at(i[0], c);
                xs += x.at(i[0], c) * x.at(i[0], c);
                ys += y.at(i[0], c) * y.at(i[0], c);
              }
              double cosine = product / Math.sqrt(xs * ys);
              return flat.at(i) > 0 ? 1 - cosine : Math.max(0, cosine - margin);
            })
        .reshape(target.shape());
  }

  static Doubles triplet(Doubles anchor, Doubles positive, Doubles negative, double margin) {
    Shape shape = anchor.shape().without(-1);
    Doubles near = distances(anchor, positive);
    Doubles far = distances(anchor, negative);
    return near.zip(far, (p, n) -> Math.max(0, p - n + margin)).reshape(shape);
  }

  private static Doubles distances(Doubles a, Doubles b) {
    Doubles x = rows(a);
    Doubles y = rows(b);
    return Doubles.of(
        Shape.of(x.dim(0)),
        i -> {
          double sum = 0;
          for (int c = 0; c < x.dim(1); c++) {
            sum += Math.pow(x.at(i[0], c) - y.at(i[0], c) + 1e-6, 2);
          }
          return Math.sqrt(sum);
        });
  }

  /** Minus the logarithm of the sum over all paths that read as the target. */
  static Doubles ctc(
      Doubles logProbs, Doubles targets, Doubles inputLengths, Doubles targetLengths, long blank) {
    return Doubles.of(
        inputLengths.shape(),
        b -> {
          long[] target = new long[(int) targetLengths.at(b)];
          for (int i = 0; i < target.length; i++) {
            target[i] = (long) targets.at(b[0], i);
          }
          long steps = (long) inputLengths.at(b);
          return -Math.log(paths(logProbs, b[0], 0, steps, target, 0, blank, blank));
        });
  }

  /** The probability of all paths from a step on that read as the target from place {@code at}. */
  private static double paths(
      Doubles logProbs,
      long b,
      long step,
      long steps,
      long[] target,
      int at,
      long last,
      long blank) {
    if (step == steps) {
      return at == target.length ? 1 : 0;
    }
    double sum = 0;
    for (long label = 0; label < logProbs.dim(2); label++) {
      boolean reads = label != blank && label != last;
      if (!reads || at < target.length && target[at] == label) {
        sum +=
            Math.exp(logProbs.at(step, b, label))
                * paths(logProbs, b, step + 1, steps, target, reads ? at + 1 : at, label, blank);
      }
    }
    return sum;
  }
}
