package io.gradus.optim;

import io.gradus.tensor.Shape;
import java.util.function.UnaryOperator;

/**
 * One thing that an optimizer remembers of each parameter.
 *
 * @param name PyTorch's
 * @param first what its elements are before the first step
 * @param shape its shape for a parameter's; null where it remembers nothing of such a parameter
 */
record Slot(String name, double first, UnaryOperator<Shape> shape) {

  /** A number for each element, 0 at first. */
  static Slot of(String name) {
    return of(name, 0);
  }

  /** A number for each element. */
  static Slot of(String name, double first) {
    return new Slot(name, first, UnaryOperator.identity());
  }
}
