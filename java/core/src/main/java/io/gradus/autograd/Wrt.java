package io.gradus.autograd;

import io.gradus.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * One input of a recorded op and how the loss changes with it: "the gradient with respect to".
 *
 * <p>A gradient function takes {@code dy}, the gradient of the loss with respect to the op's
 * output, and returns {@code dx}, of the input's shape. It returns {@code dy} itself, a view of it
 * or a tensor made for the purpose, since the tape frees what it returns as soon as it has served.
 * Made of recorded ops, it can be differentiated again.
 */
public final class Wrt {

  /** Computes a gradient straight into the memory where it is wanted. */
  @FunctionalInterface
  public interface Into {
    /** Writes the gradient to {@code dx}, or adds it where {@code accumulate} says so. */
    void write(Tensor dy, Tensor dx, boolean accumulate);
  }

  private final Tensor input;
  private final UnaryOperator<Tensor> gradient;
  private final Into into;

  private Wrt(Tensor input, UnaryOperator<Tensor> gradient, Into into) {
    this.input = input;
    this.gradient = gradient;
    this.into = into;
  }

  /** An input and its gradient function. */
  public static Wrt wrt(Tensor input, UnaryOperator<Tensor> gradient) {
    return new Wrt(input, gradient, null);
  }

  /**
   * An input whose gradient can also be written in place, which spares a copy for parameters. Both
   * functions compute the same; the first one serves where the gradient is itself recorded.
   */
  public static Wrt wrt(Tensor input, UnaryOperator<Tensor> gradient, Into into) {
    return new Wrt(input, gradient, into);
  }

  /** An input through which no gradient flows: indices, labels, masks. */
  public static Wrt constant(Tensor input) {
    return new Wrt(input, null, null);
  }

  Tensor input() {
    return input;
  }

  boolean isDifferentiable() {
    return gradient != null;
  }

  UnaryOperator<Tensor> gradient() {
    return gradient;
  }

  Into into() {
    return into;
  }
}
