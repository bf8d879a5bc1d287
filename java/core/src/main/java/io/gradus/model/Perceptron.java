package io.gradus.model;

import io.gradus.nn.Init;
import io.gradus.nn.Module;
import io.gradus.op.Comparisons;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Units that answer 1 where {@code x · weightᵀ + bias > 0} and 0 elsewhere, and that learn from
 * their mistakes alone (Rosenblatt 1958): from {@code (batch, in)} to {@code (batch, out)}.
 *
 * <pre>{@code
 * Perceptron perceptron = new Perceptron(2, 1, Device.cpu());
 * while (perceptron.learn(inputs, targets, 1) > 0) {}
 * }</pre>
 *
 * <p>A step has no slope, so there is no gradient: {@link #learn} is the rule of that paper. Where
 * a plane parts the examples of both answers it makes no more mistakes after finitely many epochs
 * (Novikoff 1962); where none does, it never ends. Its parameters are {@code weight (out, in)} and
 * {@code bias (out)}, zeros at first.
 */
public final class Perceptron extends Module {

  private final Tensor weight;
  private final Tensor bias;

  /** As many units as there are questions to answer. */
  public Perceptron(int in, int out, Device device) {
    if (in < 1 || out < 1) {
      throw new IllegalArgumentException(
          "perceptron: sizes must be positive: " + in + " in, " + out + " out");
    }
    weight = parameter("weight", () -> Init.zeros(Shape.of(out, in), device));
    bias = parameter("bias", () -> Init.zeros(Shape.of(out), device));
  }

  /** The answers, 0 or 1, as F32. */
  @Override
  public Tensor forward(Tensor x) {
    Tensor scores = LinearAlgebra.linear(x, weight, bias);
    return Pointwise.cast(Comparisons.greater(scores, 0), DType.F32);
  }

  /**
   * Goes through examples once, in their order. Where a unit answers y instead of t, its weights
   * change by {@code rate · (t - y) · x} and its bias by {@code rate · (t - y)}.
   *
   * @param inputs (n, in), F32
   * @param targets (n, out), F32, each 0 or 1
   * @param rate positive; with weights that begin at 0 it changes their length and no answer
   * @return how many answers were wrong
   */
  public long learn(Tensor inputs, Tensor targets, double rate) {
    check(inputs, targets, rate);
    int in = (int) weight.dim(1);
    int out = (int) weight.dim(0);
    float[] x = inputs.toFloats();
    float[] t = targets.toFloats();
    checkAnswers(t);
    // Each example meets the weights that the one before left: a loop, over numbers at hand.
    float[] w = weight.toFloats();
    float[] b = bias.toFloats();
    long mistakes = 0;
    for (int i = 0; i < t.length; i++) {
      int example = i / out * in;
      int unit = i % out;
      float error = t[i] - answer(x, example, w, unit * in, in, b[unit]);
      if (error != 0) {
        mistakes++;
        float step = (float) rate * error;
        for (int j = 0; j < in; j++) {
          w[unit * in + j] += step * x[example + j];
        }
        b[unit] += step;
      }
    }
    put(weight, w);
    put(bias, b);
    return mistakes;
  }

  private static float answer(float[] x, int example, float[] w, int unit, int in, float bias) {
    float score = bias;
    for (int j = 0; j < in; j++) {
      score += w[unit + j] * x[example + j];
    }
    return score > 0 ? 1 : 0;
  }

  private static void put(Tensor parameter, float[] values) {
    try (Tensor flat = Tensor.of(values);
        Tensor shaped = flat.view(parameter.shape(), 0)) {
      parameter.copyFrom(shaped);
    }
  }

  private void check(Tensor inputs, Tensor targets, double rate) {
    if (!inputs.shape().equals(Shape.of(targets.dim(0), weight.dim(1)))
        || !targets.shape().equals(Shape.of(targets.dim(0), weight.dim(0)))) {
      throw new IllegalArgumentException(
          "perceptron: inputs must be (n, "
              + weight.dim(1)
              + ") and targets (n, "
              + weight.dim(0)
              + "): "
              + inputs.shape()
              + " and "
              + targets.shape());
    }
    if (!(rate > 0 && rate < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("perceptron: the rate must be positive: " + rate);
    }
  }

  private static void checkAnswers(float[] targets) {
    for (int i = 0; i < targets.length; i++) {
      if (targets[i] != 0 && targets[i] != 1) {
        throw new IllegalArgumentException(
            "perceptron: targets must be 0 or 1: element " + i + " is " + targets[i]);
      }
    }
  }

  @Override
  protected String settings() {
    return "in=" + weight.dim(1) + ", out=" + weight.dim(0);
  }
}
