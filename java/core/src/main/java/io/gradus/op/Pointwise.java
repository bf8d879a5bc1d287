package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Arithmetic, element by element. Operands are F32, BF16 or F16, computed in single precision and
 * rounded to their type. Two tensors of different shapes are broadcast: aligned at their last axes,
 * sizes must be the same or 1, which repeats.
 *
 * <p>All methods throw {@link IllegalArgumentException} where shapes do not line up or types
 * differ.
 */
public final class Pointwise {

  /** What leaves every number as it is when added, also a negative zero. */
  private static final double NOTHING = -0.0;

  private Pointwise() {}

  // Two tensors

  /** {@code y = a + b}. */
  public static Tensor add(Tensor a, Tensor b) {
    Tensor y = output("add", a, b);
    long[] dims = Broadcast.dims(y.shape(), a.shape(), b.shape());
    y.backend().add(a.typeCode(), a.address(), b.address(), y.address(), y.size(), dims);
    return Tape.record(
        "add",
        y,
        wrt(a, dy -> Broadcast.reduce(dy, a.shape())),
        wrt(b, dy -> Broadcast.reduce(dy, b.shape())));
  }

  /** {@code y = a - b}. */
  public static Tensor sub(Tensor a, Tensor b) {
    Tensor y = output("sub", a, b);
    long[] dims = Broadcast.dims(y.shape(), a.shape(), b.shape());
    y.backend().sub(a.typeCode(), a.address(), b.address(), y.address(), y.size(), dims);
    return Tape.record(
        "sub",
        y,
        wrt(a, dy -> Broadcast.reduce(dy, a.shape())),
        wrt(b, dy -> Broadcast.reduce(neg(dy), b.shape())));
  }

  /** {@code y = a · b}, element by element. */
  public static Tensor mul(Tensor a, Tensor b) {
    Tensor y = output("mul", a, b);
    long[] dims = Broadcast.dims(y.shape(), a.shape(), b.shape());
    y.backend().mul(a.typeCode(), a.address(), b.address(), y.address(), y.size(), dims);
    return Tape.record(
        "mul",
        y,
        wrt(a, dy -> Broadcast.reduce(mul(dy, b), a.shape())),
        wrt(b, dy -> Broadcast.reduce(mul(dy, a), b.shape())));
  }

  /** {@code y = a / b}; as IEEE says where b is 0. */
  public static Tensor div(Tensor a, Tensor b) {
    Tensor y = output("div", a, b);
    long[] dims = Broadcast.dims(y.shape(), a.shape(), b.shape());
    y.backend().div(a.typeCode(), a.address(), b.address(), y.address(), y.size(), dims);
    return Tape.record(
        "div",
        y,
        wrt(a, dy -> Broadcast.reduce(div(dy, b), a.shape())),
        wrt(b, dy -> Broadcast.reduce(neg(div(mul(dy, y), b)), b.shape())));
  }

  /**
   * {@code y = a ^ b}, within 1.3 ULP; special values as in C. The gradient with respect to b is 0
   * where a is 0.
   */
  public static Tensor pow(Tensor a, Tensor b) {
    Tensor y = output("pow", a, b);
    long[] dims = Broadcast.dims(y.shape(), a.shape(), b.shape());
    y.backend().powTensor(a.typeCode(), a.address(), b.address(), y.address(), y.size(), dims);
    return Tape.record(
        "pow",
        y,
        wrt(a, dy -> Broadcast.reduce(mul(dy, mul(b, pow(a, sub(b, 1)))), a.shape())),
        wrt(b, dy -> Broadcast.reduce(mul(dy, powLog(a, y)), b.shape())));
  }

  /** {@code y · log a}, and 0 where a is 0, the limit for positive exponents. */
  private static Tensor powLog(Tensor a, Tensor y) {
    Tensor zero = Tensor.full(0, Shape.of(), a.dtype(), a.device());
    return Comparisons.where(Comparisons.equal(a, 0), zero, mul(y, log(a)));
  }

  /**
   * {@code y = a + weight · (b - a)}, of two tensors of one shape: a where the weight is 0, b where
   * it is 1, and an average of a stream of values where it is applied again and again.
   */
  public static Tensor lerp(Tensor a, Tensor b, double weight) {
    Checks.floating("lerp", a);
    Checks.sameType("lerp", a, b);
    Checks.sameShape("lerp", a, b);
    Tensor y = Tensor.emptyLike(a);
    y.backend().lerp(a.typeCode(), a.address(), b.address(), y.address(), y.size(), weight);
    return Tape.record("lerp", y, wrt(a, dy -> mul(dy, 1 - weight)), wrt(b, dy -> mul(dy, weight)));
  }

  private static Tensor output(String op, Tensor a, Tensor b) {
    Checks.floating(op, a);
    Checks.sameType(op, a, b);
    return Tensor.empty(Broadcast.shape(op, a.shape(), b.shape()), a.dtype(), a.device());
  }

  // A tensor and a number

  /** {@code y = x + c}. */
  public static Tensor add(Tensor x, double c) {
    return affine("add", x, 1, c);
  }

  /** {@code y = x - c}. */
  public static Tensor sub(Tensor x, double c) {
    return affine("sub", x, 1, -c);
  }

  /** {@code y = c · x}. */
  public static Tensor mul(Tensor x, double c) {
    return affine("mul", x, c, NOTHING);
  }

  /** {@code y = x / c}. */
  public static Tensor div(Tensor x, double c) {
    return affine("div", x, 1 / c, NOTHING);
  }

  /** {@code y = -x}. */
  public static Tensor neg(Tensor x) {
    return affine("neg", x, -1, NOTHING);
  }

  private static Tensor affine(String op, Tensor x, double scale, double shift) {
    Checks.floating(op, x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().affine(x.typeCode(), x.address(), y.address(), x.size(), scale, shift);
    return Tape.record(op, y, wrt(x, dy -> scale == 1 ? dy : affine(op, dy, scale, NOTHING)));
  }

  /** {@code y = x ^ exponent}, within 1.3 ULP; special values as in C. */
  public static Tensor pow(Tensor x, double exponent) {
    Checks.floating("pow", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().pow(x.typeCode(), x.address(), y.address(), x.size(), exponent);
    return Tape.record("pow", y, wrt(x, dy -> powGrad(x, exponent, dy)));
  }

  private static Tensor powGrad(Tensor x, double exponent, Tensor dy) {
    // The derivative of x^0 is 0 everywhere, also at 0, where 0 · 0^-1 would be NaN.
    return exponent == 0 ? mul(dy, 0) : mul(dy, mul(pow(x, exponent - 1), exponent));
  }

  // One tensor

  /** {@code y = e ^ x}. */
  public static Tensor exp(Tensor x) {
    Checks.floating("exp", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().exp(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("exp", y, wrt(x, dy -> mul(dy, y)));
  }

  /** The natural logarithm: NaN below 0, -infinity at 0. */
  public static Tensor log(Tensor x) {
    Checks.floating("log", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().log(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("log", y, wrt(x, dy -> div(dy, x)));
  }

  /** The error function, {@code 2/√π ∫₀ˣ e^(-t²) dt}, within 1.2 ULP (1.4 at {@code v2}). */
  public static Tensor erf(Tensor x) {
    Checks.floating("erf", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().erf(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("erf", y, wrt(x, dy -> mul(dy, erfSlope(x))));
  }

  /** {@code 2/√π · e^(-x²)}. */
  private static Tensor erfSlope(Tensor x) {
    return mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI));
  }

  /** The sine, of any number within 1.6 ULP; NaN at the infinities. */
  public static Tensor sin(Tensor x) {
    Checks.floating("sin", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().sin(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("sin", y, wrt(x, dy -> mul(dy, cos(x))));
  }

  /** The cosine, of any number within 1.6 ULP; NaN at the infinities. */
  public static Tensor cos(Tensor x) {
    Checks.floating("cos", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().cos(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("cos", y, wrt(x, dy -> neg(mul(dy, sin(x)))));
  }

  /** The square root: NaN below 0. */
  public static Tensor sqrt(Tensor x) {
    Checks.floating("sqrt", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().sqrt(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("sqrt", y, wrt(x, dy -> div(mul(dy, 0.5), y)));
  }

  /** {@code y = |x|}; its gradient at 0 is 0. */
  public static Tensor abs(Tensor x) {
    Checks.floating("abs", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().abs(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("abs", y, wrt(x, dy -> mul(dy, sign(x))));
  }

  /** -1, 0 or 1; 0 at NaN, as in PyTorch. Its gradient is 0. */
  public static Tensor sign(Tensor x) {
    Checks.floating("sign", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().sign(x.typeCode(), x.address(), y.address(), x.size());
    return Tape.record("sign", y, wrt(x, Tensor::zerosLike));
  }

  /** {@code y = min(max(x, low), high)}; the gradient passes where x lies within. */
  public static Tensor clamp(Tensor x, double low, double high) {
    Checks.floating("clamp", x);
    if (!(low <= high)) {
      throw new IllegalArgumentException(
          "clamp: the lower bound exceeds the upper: " + low + " and " + high);
    }
    Tensor y = Tensor.emptyLike(x);
    x.backend().clamp(x.typeCode(), x.address(), y.address(), x.size(), low, high);
    return Tape.record("clamp", y, wrt(x, dy -> clampGrad(x, dy, low, high)));
  }

  private static Tensor clampGrad(Tensor x, Tensor dy, double low, double high) {
    Tensor dx = Tensor.emptyLike(x);
    x.backend()
        .clampGrad(x.typeCode(), x.address(), dy.address(), dx.address(), x.size(), low, high);
    return Tape.record(
        "clampGrad", dx, wrt(x, Tensor::zerosLike), wrt(dy, ddx -> clampGrad(x, ddx, low, high)));
  }

  /**
   * The values in another type. Floating to integer truncates towards zero and saturates, NaN gives
   * 0; to a narrower floating type rounds to nearest even. Gradients flow between floating types.
   */
  public static Tensor cast(Tensor x, DType type) {
    if (x.dtype() == type) {
      return x;
    }
    Tensor y = Tensor.empty(x.shape(), type, x.device());
    x.backend().cast(x.typeCode(), x.address(), type.code(), y.address(), x.size());
    boolean differentiable = x.dtype().isFloating() && type.isFloating();
    return Tape.record("cast", y, differentiable ? wrt(x, dy -> cast(dy, x.dtype())) : constant(x));
  }
}
