package io.gradus.data;

import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * What a model sees at once and what it should answer.
 *
 * @param input of any shape, without the axis of the batch
 * @param target of any shape; a class is I64 without axes
 */
public record Example(Tensor input, Tensor target) implements AutoCloseable {

  /** An input of a class. */
  public static Example of(Tensor input, long label) {
    try (Tensor one = Tensor.of(new long[] {label})) {
      return new Example(input, one.view(Shape.of(), 0));
    }
  }

  @Override
  public void close() {
    input.close();
    target.close();
  }
}
