package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * Nonlinearities, of F32, BF16 or F16, alone or with the bias or gate that they go with. Each
 * method is one op: the kernel call first, its gradient right below.
 */
public final class Activations {

  private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
  private static final double GELU_CUBE = 0.044715;
  private static final double DENSITY_AT_0 = 1 / Math.sqrt(2 * Math.PI);

  private Activations() {}

  /** {@code y = max(x, 0)}; NaN stays NaN, and the gradient at 0 is 0. */
  public static Tensor relu(Tensor x) {
    Checks.floating("relu", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().relu(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("relu", y, wrt(x, dy -> reluGrad(y, dy)));
  }

  private static Tensor reluGrad(Tensor y, Tensor dy) {
    Tensor dx = Tensor.emptyLike(y);
    y.backend().reluGrad(y.typeCode(), y.address(), dy.address(), dx.address(), y.size());
    return Tape.record("reluGrad", dx, wrt(y, Tensor::zerosLike), wrt(dy, ddx -> reluGrad(y, ddx)));
  }

  /** {@code y = 1 / (1 + e^-x)}. */
  public static Tensor sigmoid(Tensor x) {
    Checks.floating("sigmoid", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().sigmoid(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("sigmoid", y, wrt(x, dy -> sigmoidGrad(y, dy)));
  }

  private static Tensor sigmoidGrad(Tensor y, Tensor dy) {
    if (Tape.isRecording()) { // dy · y · (1 - y), of ops that can be differentiated again
      return Pointwise.mul(dy, Pointwise.mul(y, oneMinus(y)));
    }
    Tensor dx = Tensor.emptyLike(y);
    y.backend().sigmoidGrad(y.typeCode(), y.address(), dy.address(), dx.address(), y.size());
    return Tape.record("sigmoidGrad", dx, constant(y), constant(dy));
  }

  private static Tensor oneMinus(Tensor x) {
    return Pointwise.add(Pointwise.neg(x), 1);
  }

  /** The hyperbolic tangent. */
  public static Tensor tanh(Tensor x) {
    Checks.floating("tanh", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().tanh(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("tanh", y, wrt(x, dy -> tanhGrad(y, dy)));
  }

  private static Tensor tanhGrad(Tensor y, Tensor dy) {
    if (Tape.isRecording()) { // dy · (1 - y²)
      return Pointwise.mul(dy, oneMinus(Pointwise.mul(y, y)));
    }
    Tensor dx = Tensor.emptyLike(y);
    y.backend().tanhGrad(y.typeCode(), y.address(), dy.address(), dx.address(), y.size());
    return Tape.record("tanhGrad", dx, constant(y), constant(dy));
  }

  /**
   * {@code y = x · Φ(x)}, with Φ in its tanh form: {@code 0.5 x (1 + tanh(√(2/π) (x + 0.044715
   * x³)))} (Hendrycks and Gimpel 2016).
   */
  public static Tensor gelu(Tensor x) {
    Checks.floating("gelu", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().gelu(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("gelu", y, wrt(x, dy -> geluGrad(x, dy)));
  }

  private static Tensor geluGrad(Tensor x, Tensor dy) {
    if (Tape.isRecording()) { // dy · (0.5 (1 + t) + 0.5 x (1 - t²) u'), t = tanh(u)
      Tensor square = Pointwise.mul(x, x);
      Tensor inner =
          Pointwise.add(Pointwise.mul(square, SQRT_2_OVER_PI * GELU_CUBE), SQRT_2_OVER_PI);
      Tensor t = tanh(Pointwise.mul(x, inner));
      Tensor slope =
          Pointwise.add(Pointwise.mul(square, 3 * SQRT_2_OVER_PI * GELU_CUBE), SQRT_2_OVER_PI);
      Tensor bend = Pointwise.mul(Pointwise.mul(x, oneMinus(Pointwise.mul(t, t))), slope);
      return Pointwise.mul(dy, Pointwise.mul(Pointwise.add(Pointwise.add(t, 1), bend), 0.5));
    }
    Tensor dx = Tensor.emptyLike(x);
    x.backend().geluGrad(x.typeCode(), x.address(), dy.address(), dx.address(), x.size());
    return Tape.record("geluGrad", dx, constant(x), constant(dy));
  }

  /** {@code y = x · Φ(x)}, with the normal distribution Φ itself: BERT's. */
  public static Tensor geluErf(Tensor x) {
    Checks.floating("geluErf", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().geluErf(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("geluErf", y, wrt(x, dy -> geluErfGrad(x, dy)));
  }

  private static Tensor geluErfGrad(Tensor x, Tensor dy) {
    Tensor dx = Tensor.emptyLike(x);
    x.backend().geluErfGrad(x.typeCode(), x.address(), dy.address(), dx.address(), x.size());
    return Tape.record(
        "geluErfGrad",
        dx,
        wrt(x, ddx -> Pointwise.mul(Pointwise.mul(ddx, dy), geluErfBend(x))),
        wrt(dy, ddx -> geluErfGrad(x, ddx)));
  }

  /** The second derivative, {@code φ(x) (2 - x²)} with the density φ. */
  private static Tensor geluErfBend(Tensor x) {
    Tensor square = Pointwise.mul(x, x);
    Tensor density = Pointwise.mul(Pointwise.exp(Pointwise.mul(square, -0.5)), DENSITY_AT_0);
    return Pointwise.mul(density, Pointwise.add(Pointwise.neg(square), 2));
  }

  /**
   * {@code y = gelu(x + bias)}, the bias (n) added along the last axis of x (…, n); F32 or of x's
   * type. One sweep gives both gradients.
   */
  public static Tensor biasGelu(Tensor x, Tensor bias) {
    long rows = checkBias("biasGelu", x, bias);
    Tensor y = Tensor.emptyLike(x);
    x.backend()
        .biasGelu(
            x.typeCode(),
            x.address(),
            bias.typeCode(),
            bias.address(),
            y.address(),
            rows,
            x.dim(-1));
    OneSweep gradients =
        new OneSweep(
            x,
            (dy, dx, accumulate, d) ->
                x.backend()
                    .biasGeluGrad(
                        x.typeCode(),
                        x.address(),
                        bias.typeCode(),
                        bias.address(),
                        dy.address(),
                        dx == null ? 0 : dx.address(),
                        accumulate,
                        d[0] == null ? 0 : d[0].address(),
                        rows,
                        x.dim(-1)),
            bias);
    return recordBiased("biasGelu", y, gradients, bias, dy -> geluGrad(biased(x, bias), dy));
  }

  /** {@code y = geluErf(x + bias)}, else as {@link #biasGelu}. */
  public static Tensor biasGeluErf(Tensor x, Tensor bias) {
    long rows = checkBias("biasGeluErf", x, bias);
    Tensor y = Tensor.emptyLike(x);
    x.backend()
        .biasGeluErf(
            x.typeCode(),
            x.address(),
            bias.typeCode(),
            bias.address(),
            y.address(),
            rows,
            x.dim(-1));
    OneSweep gradients =
        new OneSweep(
            x,
            (dy, dx, accumulate, d) ->
                x.backend()
                    .biasGeluErfGrad(
                        x.typeCode(),
                        x.address(),
                        bias.typeCode(),
                        bias.address(),
                        dy.address(),
                        dx == null ? 0 : dx.address(),
                        accumulate,
                        d[0] == null ? 0 : d[0].address(),
                        rows,
                        x.dim(-1)),
            bias);
    return recordBiased("biasGeluErf", y, gradients, bias, dy -> geluErfGrad(biased(x, bias), dy));
  }

  /** The number of rows that the bias is added to. */
  private static long checkBias(String op, Tensor x, Tensor bias) {
    Checks.floating(op, x);
    Checks.parameter(op, "bias", bias, x);
    return rows(x);
  }

  private static Tensor biased(Tensor x, Tensor bias) {
    return Pointwise.add(x, Pointwise.cast(bias, x.dtype()));
  }

  private static Tensor recordBiased(
      String op, Tensor y, OneSweep gradients, Tensor bias, UnaryOperator<Tensor> composed) {
    return Tape.record(
        op,
        y,
        gradients.wrtX(composed),
        gradients.wrtParameter(
            0,
            dy ->
                Pointwise.cast(Broadcast.reduce(composed.apply(dy), bias.shape()), bias.dtype())));
  }

  /** {@code y = x / (1 + e^-x)}, also called swish (Elfwing et al. 2017). */
  public static Tensor silu(Tensor x) {
    Checks.floating("silu", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().silu(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("silu", y, wrt(x, dy -> siluGrad(x, dy)));
  }

  private static Tensor siluGrad(Tensor x, Tensor dy) {
    if (Tape.isRecording()) { // dy · s · (1 + x (1 - s)), s = sigmoid(x)
      Tensor s = sigmoid(x);
      Tensor bend = Pointwise.add(Pointwise.mul(x, oneMinus(s)), 1);
      return Pointwise.mul(dy, Pointwise.mul(s, bend));
    }
    Tensor dx = Tensor.emptyLike(x);
    x.backend().siluGrad(x.typeCode(), x.address(), dy.address(), dx.address(), x.size());
    return Tape.record("siluGrad", dx, constant(x), constant(dy));
  }

  /**
   * {@code y = log(1 + e^x)}, a smooth relu (Dugas et al. 2001); its digits are good however far
   * out x is.
   */
  public static Tensor softplus(Tensor x) {
    Checks.floating("softplus", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().softplus(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("softplus", y, wrt(x, dy -> softplusGrad(x, dy)));
  }

  private static Tensor softplusGrad(Tensor x, Tensor dy) {
    if (Tape.isRecording()) {
      return Pointwise.mul(dy, sigmoid(x));
    }
    Tensor dx = Tensor.emptyLike(x);
    x.backend().softplusGrad(x.typeCode(), x.address(), dy.address(), dx.address(), x.size());
    return Tape.record("softplusGrad", dx, constant(x), constant(dy));
  }

  /** {@code y = log(1 / (1 + e^-x))}, without the infinity of the logarithm of 0. */
  public static Tensor logSigmoid(Tensor x) {
    Checks.floating("logSigmoid", x);
    return Pointwise.neg(softplus(Pointwise.neg(x)));
  }

  /** {@code y = x} where x is above 0, else {@code slope · x} (Maas et al. 2013). */
  public static Tensor leakyRelu(Tensor x, double slope) {
    Checks.floating("leakyRelu", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().leakyRelu(x.typeCode(), x.address(), y.address(), x.size(), slope);
    return Tape.record("leakyRelu", y, wrt(x, dy -> leakyReluGrad(x, dy, slope)));
  }

  private static Tensor leakyReluGrad(Tensor x, Tensor dy, double slope) {
    Tensor dx = Tensor.emptyLike(x);
    x.backend()
        .leakyReluGrad(x.typeCode(), x.address(), dy.address(), dx.address(), x.size(), slope);
    return Tape.record(
        "leakyReluGrad",
        dx,
        wrt(x, Tensor::zerosLike),
        wrt(dy, ddx -> leakyReluGrad(x, ddx, slope)));
  }

  /** {@code y = x} where x is above 0, else {@code alpha (e^x - 1)} (Clevert et al. 2016). */
  public static Tensor elu(Tensor x, double alpha) {
    Checks.floating("elu", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().elu(x.typeCode(), x.address(), y.address(), x.size(), alpha);
    return Tape.record("elu", y, wrt(x, dy -> eluGrad(x, dy, alpha)));
  }

  private static Tensor eluGrad(Tensor x, Tensor dy, double alpha) {
    if (Tape.isRecording()) { // dy · (1 or alpha e^x)
      Tensor below = Pointwise.mul(Pointwise.exp(Pointwise.neg(relu(Pointwise.neg(x)))), alpha);
      Tensor one = Tensor.full(1, Shape.of(), x.dtype(), x.device());
      return Pointwise.mul(dy, Comparisons.where(Comparisons.greater(x, 0), one, below));
    }
    Tensor dx = Tensor.emptyLike(x);
    x.backend().eluGrad(x.typeCode(), x.address(), dy.address(), dx.address(), x.size(), alpha);
    return Tape.record("eluGrad", dx, constant(x), constant(dy));
  }

  /**
   * {@code y = silu(gate) · up} (Shazeer 2020), of x (…, 2n) = gate | up, the two halves of each
   * row; y is (…, n).
   */
  public static Tensor swiglu(Tensor x) {
    Checks.floating("swiglu", x);
    if (x.rank() < 1 || x.dim(-1) % 2 != 0) {
      throw new IllegalArgumentException(
          "swiglu: the last size must be even, gate and up: " + x.shape());
    }
    Tensor y = Tensor.empty(x.shape().with(-1, x.dim(-1) / 2), x.dtype(), x.device());
    x.backend().swiglu(x.typeCode(), x.address(), y.address(), rows(x), y.dim(-1));
    return Tape.record(
        "swiglu",
        y,
        wrt(x, dy -> swigluGrad(x, dy), (dy, dx, accumulate) -> swigluGrad(x, dy, dx, accumulate)));
  }

  private static Tensor swigluGrad(Tensor x, Tensor dy) {
    if (Tape.isRecording()) {
      Tensor halves = Shapes.reshape(x, rows(x), 2, dy.dim(-1));
      Tensor both = Shapes.transpose(halves, 0, 1);
      Tensor gate = Shapes.reshape(Shapes.slice(both, 0, 1), dy.shape());
      Tensor up = Shapes.reshape(Shapes.slice(both, 1, 2), dy.shape());
      return Shapes.concat(
          -1, siluGrad(gate, Pointwise.mul(dy, up)), Pointwise.mul(dy, silu(gate)));
    }
    Tensor dx = Tensor.emptyLike(x);
    swigluGrad(x, dy, dx, false);
    return dx;
  }

  private static void swigluGrad(Tensor x, Tensor dy, Tensor dx, boolean accumulate) {
    x.backend()
        .swigluGrad(
            x.typeCode(), x.address(), dy.address(), dx.address(), accumulate, rows(x), dy.dim(-1));
    Tape.record("swigluGrad", dx, constant(x), constant(dy));
  }

  private static long rows(Tensor x) {
    return x.shape().size(0, x.rank() - 1);
  }
}
