package io.gradus.nn;

import io.gradus.op.Shapes;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.stream.LongStream;

/**
 * Several axes made one, without moving an element: from {@code (batch, channels, height, width)}
 * to {@code (batch, channels · height · width)}, as between convolutions and linear layers.
 */
public final class Flatten extends Module {

  private final int first;
  private final int last;

  /** All axes but the batch. */
  public Flatten() {
    this(1, -1);
  }

  /** The axes from first to last, both inclusive; negative ones count from the end. */
  public Flatten(int first, int last) {
    this.first = first;
    this.last = last;
  }

  @Override
  public Tensor forward(Tensor x) {
    int from = first < 0 ? first + x.rank() : first;
    int to = last < 0 ? last + x.rank() : last;
    if (from < 0 || to >= x.rank() || from > to) {
      throw new IllegalArgumentException(
          "flatten: there are no axes " + first + " to " + last + " in " + x.shape());
    }
    long[] dims = x.shape().toArray();
    LongStream outer = LongStream.of(dims).limit(from);
    LongStream inner = LongStream.of(dims).skip(to + 1L);
    LongStream one = LongStream.of(x.shape().size(from, to + 1));
    Shape shape = Shape.of(LongStream.concat(LongStream.concat(outer, one), inner).toArray());
    return Shapes.reshape(x, shape);
  }

  @Override
  protected String settings() {
    return first == 1 && last == -1 ? "" : "first=" + first + ", last=" + last;
  }
}
