package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Holds what ops compute against their references. */
final class Forward {

  private Forward() {}

  static void check(Trial trial, Doubles... x) {
    check(trial, 0, x);
  }

  /** With operands that begin so many elements behind where their memory does. */
  @SuppressWarnings("try") // the scope only has to close
  static void check(Trial trial, int offset, Doubles... x) {
    Row row = trial.row();
    Doubles want = row.reference.apply(x);
    try (Scope scope = Scope.open()) {
      Tensor[] operands = trial.tensors(x);
      for (int i = 0; offset > 0 && i < operands.length; i++) {
        Shape longer = Shape.of(operands[i].size() + offset);
        Tensor block = Tensor.empty(longer, operands[i].dtype(), operands[i].device());
        operands[i].moveInto(block, offset);
      }
      Tensor y = row.op.apply(operands);
      assertEquals(want.shape(), y.shape(), () -> trial + ": shape");
      assertEquals(trial.outputType(), y.dtype(), () -> trial + ": type");
      compare(trial, x, want, Bits.values(y));
      for (int i = row.consumes ? 1 : 0; i < x.length; i++) {
        assertArrayEquals(
            x[i].values(),
            Bits.values(operands[i]).values(),
            trial + ": operand " + i + " changed");
      }
    }
  }

  private static void compare(Trial trial, Doubles[] x, Doubles want, Doubles got) {
    for (int i = 0; i < want.values().length; i++) {
      if (!agree(trial, want.values()[i], got.values()[i])) {
        fail(
            trial
                + ": element "
                + i
                + " of "
                + want.shape()
                + ": expected "
                + want.values()[i]
                + ", got "
                + got.values()[i]
                + operandsAt(x, want.shape(), i));
      }
    }
  }

  private static boolean agree(Trial trial, double exact, double got) {
    Row row = trial.row();
    DType type = trial.outputType();
    double want = Bits.round(type, exact);
    if (Double.isNaN(want) || Double.isNaN(got)) {
      return Double.isNaN(want) == Double.isNaN(got);
    }
    if (!type.isFloating()) {
      return want == got;
    }
    if (exact == 0 && got == 0 && row.zeroSigns) {
      return Double.compare(want, got) == 0;
    }
    double slack =
        row.absolute
            + row.relative * Math.abs(exact)
            + Bits.unitRoundoff(type) * Math.abs(exact)
            + Bits.smallest(type) / 2;
    if (trial.device() != Device.cpu() && type != DType.F32) {
      slack += row.roundedOnGpu * Bits.unitRoundoff(type);
    }
    // Infinite where a number just above the largest would have been right, and the other way
    // round.
    return want == got
        || Math.abs(exact - got) <= slack
        || Bits.round(type, exact - Math.signum(exact) * slack) == got
        || Bits.round(type, exact + Math.signum(exact) * slack) == got;
  }

  /** The operands' elements behind a result, where each result comes of one element of each. */
  private static String operandsAt(Doubles[] x, Shape shape, int element) {
    StringBuilder text = new StringBuilder();
    for (Doubles operand : x) {
      if (operand.shape().equals(shape)) {
        text.append(text.isEmpty() ? " from " : " and ").append(operand.values()[element]);
      }
    }
    return text.toString();
  }

  /** Numbers at and beyond the edges of a type, in every combination that the row takes. */
  static void specials(Row row, DType type, Device device) {
    double[] edges = edges(type);
    int operands = row.specialOperands;
    int combinations = (int) Math.pow(edges.length, operands);
    List<Integer> order = new ArrayList<>();
    // Several times over, so that each edge meets both the vectors of a loop and what is left over.
    for (int i = 0; i < 3 * combinations + 5; i++) {
      order.add(i % combinations);
    }
    Collections.rotate(order, 3);
    Doubles[] x = new Doubles[operands];
    for (int k = 0; k < operands; k++) {
      int step = (int) Math.pow(edges.length, k);
      x[k] =
          Doubles.of(
              Shape.of(order.size()), i -> edges[order.get((int) i[0]) / step % edges.length]);
    }
    String shape = Integer.toString(order.size());
    check(row.trial(String.join(" ", Collections.nCopies(operands, shape)), type, device), x);
  }

  private static double[] edges(DType type) {
    double smallest = Bits.smallest(type);
    double smallestNormal = type == DType.F16 ? 0x1p-14 : 0x1p-126;
    double largest =
        switch (type) {
          case F16 -> 65504;
          case BF16 -> 0x1p127 * (2 - 0x1p-7);
          default -> Float.MAX_VALUE;
        };
    return new double[] {
      Double.NaN,
      Double.POSITIVE_INFINITY,
      Double.NEGATIVE_INFINITY,
      0.0,
      -0.0,
      1,
      -1,
      2.5,
      -0.5,
      smallest,
      -smallest,
      5 * smallest,
      smallestNormal,
      -smallestNormal,
      largest,
      -largest
    };
  }
}
