package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.Tensor;

/** Softmax and its logarithm over the last axis, of F32, BF16 or F16. */
public final class Softmax {

  private Softmax() {}

  /**
   * {@code y = e^x / Σ e^x} over the last axis, computed from the distance to the largest so that
   * it cannot overflow. A row of -infinity, where everything is masked, gives zeros.
   */
  public static Tensor softmax(Tensor x) {
    check("softmax", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().softmax(x.typeCode(), x.address(), y.address(), rows(x), x.dim(-1));
    return Tape.record("softmax", y, wrt(x, dy -> softmaxGrad(y, dy)));
  }

  private static Tensor softmaxGrad(Tensor y, Tensor dy) {
    if (Tape.isRecording()) { // y · (dy - Σ y · dy)
      Tensor product = Pointwise.mul(y, dy);
      return Pointwise.sub(product, Pointwise.mul(y, Reductions.sum(product, true, -1)));
    }
    Tensor dx = Tensor.emptyLike(y);
    y.backend()
        .softmaxGrad(y.typeCode(), y.address(), dy.address(), dx.address(), rows(y), y.dim(-1));
    return Tape.record("softmaxGrad", dx, constant(y), constant(dy));
  }

  /** {@code y = x - log Σ e^x} over the last axis. */
  public static Tensor logSoftmax(Tensor x) {
    check("logSoftmax", x);
    Tensor y = Tensor.emptyLike(x);
    x.backend().logSoftmax(x.typeCode(), x.address(), y.address(), rows(x), x.dim(-1));
    return Tape.record("logSoftmax", y, wrt(x, dy -> logSoftmaxGrad(y, dy)));
  }

  private static Tensor logSoftmaxGrad(Tensor y, Tensor dy) {
    if (Tape.isRecording()) { // dy - e^y · Σ dy
      return Pointwise.sub(dy, Pointwise.mul(Pointwise.exp(y), Reductions.sum(dy, true, -1)));
    }
    Tensor dx = Tensor.emptyLike(y);
    y.backend()
        .logSoftmaxGrad(y.typeCode(), y.address(), dy.address(), dx.address(), rows(y), y.dim(-1));
    return Tape.record("logSoftmaxGrad", dx, constant(y), constant(dy));
  }

  private static void check(String op, Tensor x) {
    Checks.floating(op, x);
    if (x.rank() < 1) {
      throw new IllegalArgumentException(op + ": needs an axis: " + x.shape());
    }
  }

  private static long rows(Tensor x) {
    return x.shape().size(0, x.rank() - 1);
  }
}
