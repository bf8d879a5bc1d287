package io.gradus.autograd;

import io.gradus.tensor.DType;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.Locale;
import java.util.function.Function;

/**
 * Compares the gradients of any function of tensors with finite differences.
 *
 * <pre>{@code
 * GradCheck.check(x -> Activations.gelu(x[0]), Tensor.of(new float[] {-1, 0, 2}));
 * }</pre>
 *
 * <p>The function is probed in single precision, so errors of about 1e-3 of the gradients' size are
 * the probe's own. Where it is not smooth, as a ReLU at 0, the two rightly differ.
 */
public final class GradCheck {

  private static final double STEP = 1e-2;
  private static final double TOLERANCE = 1e-2;

  private GradCheck() {}

  /** The element whose gradient is farthest from its finite difference. */
  public record Worst(int input, long element, double gradient, double difference) {
    /** The distance, relative to the larger of both or to 1 where both are smaller. */
    public double error() {
      double size = Math.max(1, Math.max(Math.abs(gradient), Math.abs(difference)));
      return Math.abs(gradient - difference) / size;
    }
  }

  /**
   * Checks every element of every input, which must be F32. The inputs' values are the same
   * afterwards.
   *
   * @param function pure: the same inputs give the same output, of any shape
   * @throws AssertionError where a gradient is off by more than 1 %
   */
  public static void check(Function<Tensor[], Tensor> function, Tensor... inputs) {
    Worst worst = worst(function, inputs);
    if (!(worst.error() <= TOLERANCE)) {
      throw new AssertionError(
          String.format(
              Locale.ROOT,
              "gradCheck: element %d of input %d %s: the gradient is %.6g, finite differences give"
                  + " %.6g",
              worst.element(),
              worst.input(),
              inputs[worst.input()].describe(),
              worst.gradient(),
              worst.difference()));
    }
  }

  /** As {@link #check}, but leaves the judgement to the caller. */
  public static Worst worst(Function<Tensor[], Tensor> function, Tensor... inputs) {
    for (Tensor input : inputs) {
      if (input.dtype() != DType.F32) {
        throw new IllegalArgumentException("gradCheck: inputs must be f32: " + input.describe());
      }
    }
    float[][] gradients = gradients(function, inputs);
    Worst worst = new Worst(0, 0, 0, 0);
    for (int i = 0; i < inputs.length; i++) {
      float[] values = inputs[i].toFloats();
      for (int j = 0; j < values.length; j++) {
        Worst here = new Worst(i, j, gradients[i][j], difference(function, inputs, i, values, j));
        // Not "greater than", so that a NaN counts as worst.
        worst = here.error() <= worst.error() ? worst : here;
      }
    }
    return worst;
  }

  private static float[][] gradients(Function<Tensor[], Tensor> function, Tensor[] inputs) {
    try (Tape tape = Tape.record()) {
      Tensor y = function.apply(inputs);
      float[] weights = weights(y.size());
      Gradients gradients = tape.vjp(y, Tensor.of(weights, y.shape()).to(y.device()), inputs);
      float[][] values = new float[inputs.length][];
      for (int i = 0; i < inputs.length; i++) {
        values[i] = gradients.get(inputs[i]).toFloats();
      }
      return values;
    }
  }

  /**
   * Numbers in [0.5, 1.5) that make one number of the output without symmetries that hide errors.
   */
  private static float[] weights(long count) {
    float[] weights = new float[(int) count];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = 0.5f + (Seed.of(1).split(i).value() >>> 40) * 0x1p-24f;
    }
    return weights;
  }

  /** Two central differences, combined so that their errors of second order cancel (Richardson). */
  private static double difference(
      Function<Tensor[], Tensor> function,
      Tensor[] inputs,
      int input,
      float[] values,
      int element) {
    double coarse = central(function, inputs, input, values, element, 2 * STEP);
    double fine = central(function, inputs, input, values, element, STEP);
    return (4 * fine - coarse) / 3;
  }

  private static double central(
      Function<Tensor[], Tensor> function,
      Tensor[] inputs,
      int input,
      float[] values,
      int element,
      double step) {
    float before = values[element];
    float up = (float) (before + step * Math.max(1, Math.abs(before)));
    float down = (float) (before - step * Math.max(1, Math.abs(before)));
    double above = probe(function, inputs, input, values, element, up);
    double below = probe(function, inputs, input, values, element, down);
    write(inputs[input], values, element, before);
    return (above - below) / ((double) up - down);
  }

  @SuppressWarnings("try") // the scope only has to close
  private static double probe(
      Function<Tensor[], Tensor> function,
      Tensor[] inputs,
      int input,
      float[] values,
      int element,
      float value) {
    write(inputs[input], values, element, value);
    try (Scope scope = Scope.open()) {
      float[] y = function.apply(inputs).toFloats();
      float[] weights = weights(y.length);
      double sum = 0;
      for (int i = 0; i < y.length; i++) {
        sum += (double) weights[i] * y[i];
      }
      return sum;
    }
  }

  private static void write(Tensor input, float[] values, int element, float value) {
    values[element] = value;
    try (Tensor copy = Tensor.of(values, input.shape())) {
      input.copyFrom(copy);
    }
  }
}
