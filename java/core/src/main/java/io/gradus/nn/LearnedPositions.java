package io.gradus.nn;

import io.gradus.op.Pointwise;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Adds a learned vector to each position: {@code y[t] = x[t] + weight[t]}, from {@code (batch,
 * time, width)} to the same shape. Its parameter is {@code weight (positions, width)}, normal with
 * a deviation of 0.02 at first.
 */
public final class LearnedPositions extends Module {

  private final Tensor weight;

  /** For sequences of up to so many positions. */
  public LearnedPositions(long positions, long width, Device device, Seed seed) {
    if (positions < 1 || width < 1) {
      throw new IllegalArgumentException(
          "positions: sizes must be positive: " + positions + " positions of " + width);
    }
    weight =
        parameter("weight", () -> Init.normal(Shape.of(positions, width), 0, 0.02, seed, device));
  }

  @Override
  public Tensor forward(Tensor x) {
    return add(x, weight);
  }

  /** The first rows of a table added to a sequence. */
  static Tensor add(Tensor x, Tensor table) {
    if (x.rank() != 3 || x.dim(2) != table.dim(1) || x.dim(1) > table.dim(0)) {
      throw new IllegalArgumentException(
          "positions: needs (batch, time, "
              + table.dim(1)
              + ") of up to "
              + table.dim(0)
              + " times: "
              + x.shape());
    }
    Tensor rows = Shapes.slice(table, 0, x.dim(1));
    return Pointwise.add(x, Pointwise.cast(rows, x.dtype()));
  }

  /** The vectors, {@code (positions, width)}. */
  public Tensor weight() {
    return weight;
  }

  @Override
  protected String settings() {
    return "positions=" + weight.dim(0) + ", width=" + weight.dim(1);
  }
}
