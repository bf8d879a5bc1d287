package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.Tensor;

/**
 * Pointwise nonlinearities, of F32, BF16 or F16. Each method is one op: the kernel call first, its
 * gradient right below.
 */
public final class Activations {

  private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
  private static final double GELU_CUBE = 0.044715;

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
}
