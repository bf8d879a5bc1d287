package io.gradus.report;

import io.gradus.autograd.Tape;
import io.gradus.nn.Module;
import io.gradus.op.Indexing;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.function.IntFunction;

/**
 * Says how much each element of an input counts for the score of a class, such as each pixel of an
 * image.
 *
 * <pre>{@code
 * model.eval();
 * Tensor map = Attribution.integratedGradients(model, image, Tensor.zerosLike(image), 64, 3);
 * Images.heatMap(Path.of("why.png"), map, 8, 4);
 * }</pre>
 *
 * <p>In each method, {@code x} is a batch {@code (n, ...)} that the model takes, of a floating
 * type, and the model gives scores {@code (n, classes)}, best those before a softmax. The classes
 * asked for are one for each example, or one for all. The result has the shape and type of {@code
 * x}. The model is run as it is: {@linkplain Module#eval() switch it to evaluation} first.
 */
public final class Attribution {

  private Attribution() {}

  /**
   * The gradient of the score with respect to the input: {@code ∂score/∂x}.
   *
   * @throws IllegalArgumentException for shapes or classes other than the class comment says
   */
  public static Tensor gradient(Module model, Tensor x, int... classes) {
    check("gradient", x, classes);
    return at("gradient", model, x, classes);
  }

  /**
   * The saliency map {@code |∂score/∂x|} (Simonyan et al. 2014): where a small change changes the
   * score most.
   *
   * @throws IllegalArgumentException for shapes or classes other than the class comment says
   */
  public static Tensor saliency(Module model, Tensor x, int... classes) {
    check("saliency", x, classes);
    try (Scope scope = Scope.open()) {
      return scope.keep(Pointwise.abs(at("saliency", model, x, classes)));
    }
  }

  /**
   * Integrated gradients (Sundararajan et al. 2017): {@code (x - baseline) · ∫ ∂score/∂x} along the
   * straight line from a baseline to the input. What all elements of an example get sums to the
   * score of the input less that of the baseline, the better the more steps there are.
   *
   * @param baseline an input without what the model looks for, such as a black image; of x's shape,
   *     type and device
   * @param steps the points of the line, in the middle of as many parts of it; 20 to 300 are usual
   * @throws IllegalArgumentException for shapes or classes other than the class comment says
   */
  public static Tensor integratedGradients(
      Module model, Tensor x, Tensor baseline, int steps, int... classes) {
    String op = "integratedGradients";
    check(op, x, classes);
    checkPositive(op, "steps", steps);
    if (!baseline.shape().equals(x.shape())
        || baseline.dtype() != x.dtype()
        || baseline.device() != x.device()) {
      throw new IllegalArgumentException(
          op
              + ": the baseline must be like the input: "
              + baseline.describe()
              + " and "
              + x.describe());
    }
    try (Scope scope = Scope.open()) {
      Tensor way = Pointwise.sub(x, baseline);
      Tensor mean =
          mean(
              op,
              model,
              steps,
              i -> Pointwise.add(baseline, Pointwise.mul(way, (i + 0.5) / steps)),
              classes);
      return scope.keep(Pointwise.mul(way, mean));
    }
  }

  /**
   * SmoothGrad (Smilkov et al. 2017): the mean of the gradients at inputs with normal noise, which
   * shows less of the gradient's own noise.
   *
   * @param deviation the noise's standard deviation; 10 to 20 % of the range of x are usual
   * @param samples how many noisy inputs; 50 are usual
   * @throws IllegalArgumentException for shapes or classes other than the class comment says
   */
  public static Tensor smoothGrad(
      Module model, Tensor x, double deviation, int samples, Seed seed, int... classes) {
    String op = "smoothGrad";
    check(op, x, classes);
    checkPositive(op, "samples", samples);
    if (!(deviation >= 0 && deviation < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          op + ": the deviation must be finite and not negative: " + deviation);
    }
    return mean(op, model, samples, i -> noisy(x, deviation, seed.split(i)), classes);
  }

  private static Tensor noisy(Tensor x, double deviation, Seed seed) {
    Tensor noise = Random.normal(x.shape(), seed, 0, deviation, x.device());
    return Pointwise.add(x, Pointwise.cast(noise, x.dtype()));
  }

  private static void check(String op, Tensor x, int[] classes) {
    if (x.rank() < 1 || !x.dtype().isFloating()) {
      throw new IllegalArgumentException(
          op + ": the input must be a batch (n, ...) of a floating type: " + x.describe());
    }
    if (classes.length != 1 && classes.length != x.dim(0)) {
      throw new IllegalArgumentException(
          op
              + ": there must be one class, or one for each example: "
              + classes.length
              + " classes, input "
              + x.describe());
    }
  }

  private static void checkPositive(String op, String what, int n) {
    if (n < 1) {
      throw new IllegalArgumentException(op + ": " + what + " must be positive: " + n);
    }
  }

  private static Tensor mean(
      String op, Module model, int count, IntFunction<Tensor> inputs, int[] classes) {
    Tensor sum = null;
    for (int i = 0; i < count; i++) {
      try (Scope scope = Scope.open()) {
        Tensor dx = at(op, model, inputs.apply(i), classes);
        Tensor more = scope.keep(sum == null ? dx : Pointwise.add(sum, dx));
        if (sum != null) {
          sum.close();
        }
        sum = more;
      }
    }
    try (Tensor all = sum) {
      return Pointwise.mul(all, 1.0 / count);
    }
  }

  private static Tensor at(String op, Module model, Tensor x, int[] classes) {
    try (Tape tape = Tape.record()) {
      Tensor scores = model.forward(x);
      Tensor chosen = chosen(op, x, scores, classes);
      return tape.keep(tape.vjp(scores, chosen, x).get(x));
    }
  }

  /** One for the score of each example's class, zero for the others. */
  private static Tensor chosen(String op, Tensor x, Tensor scores, int[] classes) {
    if (scores.rank() != 2 || scores.dim(0) != x.dim(0)) {
      throw new IllegalArgumentException(
          op
              + ": the model must give scores (n, classes): "
              + scores.describe()
              + " for the input "
              + x.describe());
    }
    long count = scores.dim(1);
    for (int label : classes) {
      if (label < 0 || label >= count) {
        throw new IllegalArgumentException(
            op + ": classes must lie in [0, " + count + "): " + label);
      }
    }
    int[] labels = new int[Math.toIntExact(x.dim(0))];
    Arrays.setAll(labels, i -> classes[classes.length == 1 ? 0 : i]);
    Device device = scores.device();
    Tensor index = Tensor.of(labels, labels.length).to(device);
    return Pointwise.cast(Indexing.oneHot(index, count), scores.dtype());
  }
}
