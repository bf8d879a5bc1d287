package io.gradus.nn;

import io.gradus.op.Pointwise;
import io.gradus.tensor.Tensor;

/**
 * {@code y = shortcut(x) + inner(x)} (He et al. 2016), where both have one shape; without a
 * shortcut of its own, {@code y = x + inner(x)}. Its parts are {@code inner} and {@code shortcut}.
 */
public final class Residual extends Module {

  private final Module inner;
  private final Module shortcut;

  /** The input itself is added. */
  public Residual(Module inner) {
    this.inner = child("inner", inner);
    this.shortcut = null;
  }

  /** What a shortcut makes of the input is added: a projection, where the shape changes. */
  public Residual(Module inner, Module shortcut) {
    this.inner = child("inner", inner);
    this.shortcut = child("shortcut", shortcut);
  }

  /**
   * The sum.
   *
   * @throws IllegalArgumentException where its terms have different shapes
   */
  @Override
  public Tensor forward(Tensor x) {
    Tensor straight = shortcut == null ? x : shortcut.call(x);
    Tensor y = inner.call(x);
    if (!y.shape().equals(straight.shape())) {
      throw new IllegalArgumentException(
          "residual: the shortcut gives another shape than the inner module: "
              + straight.shape()
              + " and "
              + y.shape()
              + "; give it a shortcut that changes the shape");
    }
    return Pointwise.add(straight, y);
  }
}
