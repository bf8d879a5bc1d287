package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Rotary positions (Su et al. 2021), of F32, BF16 or F16: pairs of elements turn by an angle that
 * grows with the position, {@code position · theta^(-2i / headSize)} for the pair (i, i + headSize
 * / 2), as in Hugging Face's models.
 */
public final class Positions {

  private Positions() {}

  /**
   * Turns the first {@code heads · headSize} columns, those of queries and keys, and copies the
   * others.
   *
   * @param x (batch, time, width), heads side by side
   * @param positions (batch, time), I32 or I64; null for 0, 1, 2 …
   */
  public static Tensor rotary(Tensor x, int heads, int headSize, double theta, Tensor positions) {
    return new Rotation("rotary", x, heads, headSize, theta, positions, 0).turn(x, false);
  }

  /** As above for the positions {@code first}, {@code first + 1} …, behind a cache of keys. */
  public static Tensor rotary(Tensor x, int heads, int headSize, double theta, int first) {
    return new Rotation("rotary", x, heads, headSize, theta, null, first).turn(x, false);
  }

  /**
   * As {@link #rotary(Tensor, int, int, double, Tensor)}, but the result takes the memory of x,
   * which is closed. For an x that nothing else reads, and whose own gradient does not need its
   * values, such as the output of a linear layer.
   */
  public static Tensor rotaryInPlace(
      Tensor x, int heads, int headSize, double theta, Tensor positions) {
    return new Rotation("rotaryInPlace", x, heads, headSize, theta, positions, 0).turnInPlace(x);
  }

  /** As above for the positions {@code first}, {@code first + 1} …. */
  public static Tensor rotaryInPlace(Tensor x, int heads, int headSize, double theta, int first) {
    return new Rotation("rotaryInPlace", x, heads, headSize, theta, null, first).turnInPlace(x);
  }

  /** By which angles the rows turn; the gradient turns them back. */
  private record Rotation(
      String op, int heads, int headSize, double theta, Tensor positions, int first) {

    Rotation(
        String op, Tensor x, int heads, int headSize, double theta, Tensor positions, int first) {
      this(op, heads, headSize, theta, positions, first);
      Checks.floating(op, x);
      if (x.rank() != 3) {
        throw new IllegalArgumentException(
            op + ": the input must be (batch, time, width): " + x.shape());
      }
      if (heads < 0 || headSize < 2 || headSize % 2 != 0) {
        throw new IllegalArgumentException(
            op + ": a head must have an even size: " + heads + " heads of " + headSize);
      }
      if ((long) heads * headSize > x.dim(2)) {
        throw new IllegalArgumentException(
            op
                + ": the rows are too short for "
                + heads
                + " heads of "
                + headSize
                + ": "
                + x.shape());
      }
      if (!(theta > 0)) {
        throw new IllegalArgumentException(op + ": theta must be positive: " + theta);
      }
      if (first < 0) {
        throw new IllegalArgumentException(
            op + ": the first position must not be negative: " + first);
      }
      if (positions != null) {
        Checks.index(op, positions);
        Checks.sameDevice(op, x, positions);
        if (!positions.shape().equals(Shape.of(x.dim(0), x.dim(1)))) {
          throw new IllegalArgumentException(
              op
                  + ": there must be one position for each row: "
                  + x.shape()
                  + " and "
                  + positions.shape());
        }
      }
    }

    Tensor turn(Tensor x, boolean back) {
      Tensor y = Tensor.emptyLike(x);
      run(x, y, back);
      return record(y, x, back);
    }

    Tensor turnInPlace(Tensor x) {
      if (x.requiresGrad()) {
        throw new IllegalArgumentException(
            op + ": a parameter must keep its values: " + x.describe() + "; use rotary");
      }
      Tensor y = x.view(x.shape(), 0);
      run(x, y, false);
      x.close();
      return record(y, x, false);
    }

    private Tensor record(Tensor y, Tensor x, boolean back) {
      Wrt wrtX = wrt(x, dy -> turn(dy, !back));
      return positions == null
          ? Tape.record("rotary", y, wrtX)
          : Tape.record("rotary", y, wrtX, constant(positions));
    }

    private void run(Tensor x, Tensor y, boolean back) {
      x.backend()
          .rotary(
              x.typeCode(),
              x.address(),
              positions == null ? DType.I32.code() : positions.typeCode(),
              positions == null ? 0 : positions.address(),
              first,
              y.address(),
              x.dim(0) * x.dim(1),
              x.dim(1),
              x.dim(2),
              heads,
              headSize,
              theta,
              back);
    }
  }
}
