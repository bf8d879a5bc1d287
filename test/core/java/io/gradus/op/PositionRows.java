package io.gradus.op;

import static io.gradus.op.Row.one;
import static io.gradus.op.Row.op;

import io.gradus.tensor.Tensor;
import java.util.List;

/** The rows of {@link Positions} in {@link OpTable}. */
final class PositionRows {

  private PositionRows() {}

  static List<Row> rows() {
    return List.of(
        named("rotary", Positions::rotary),
        named("rotaryInPlace", Positions::rotaryInPlace).consumes(),
        counted("rotary", Positions::rotary),
        counted("rotaryInPlace", Positions::rotaryInPlace).consumes());
  }

  private interface Rotary<P> {
    Tensor turn(Tensor x, int heads, int headSize, double theta, P positions);
  }

  /** Two heads of six, and what is beside them. */
  private static Row named(String name, Rotary<Tensor> op) {
    return op(
            name + "(Tensor, int, int, double, Tensor)",
            x -> op.turn(x[0], 2, 6, 100, x[1]),
            x -> Reference.rotary(x[0], 2, 6, 100, x[1]))
        .tolerance(1e-6, 1e-6)
        .shapes("2x3x12 2x3<50", "1x1x13 1x1<9", "0x3x12 0x3<9", "2x0x12 2x0<9", "3x65x17 3x65<999")
        .rejects(
            "2x3x12 2x2<9",
            name + ": there must be one position for each row: (2, 3, 12) and (2, 2)")
        .rejects(
            "2x3x12 2x3:f32", name + ": indices must be i32 or i64: (2, 3) f32; cast them first")
        .rejects("2x3x11 2x3<9", name + ": the rows are too short for 2 heads of 6: (2, 3, 11)")
        .rejects("2x12 2x3<9", name + ": the input must be (batch, time, width): (2, 12)");
  }

  private static Row counted(String name, Rotary<Integer> op) {
    return one(
            name + "(Tensor, int, int, double, int)",
            x -> op.turn(x, 2, 6, 100, 3),
            x -> Reference.rotary(x, 2, 6, 100, Reference.counted(x, 3)))
        .tolerance(1e-6, 1e-6)
        .shapes("2x3x12", "1x1x13", "0x3x12", "3x65x17")
        .rejects(
            "2x3x12",
            x -> op.turn(x[0], 2, 5, 100, 0),
            name + ": a head must have an even size: 2 heads of 5")
        .rejects("2x3x12", x -> op.turn(x[0], 2, 6, 0, 0), name + ": theta must be positive: 0.0")
        .rejects(
            "2x3x12",
            x -> op.turn(x[0], 2, 6, 100, -1),
            name + ": the first position must not be negative: -1")
        .rejects(
            "2x3x12",
            x -> Positions.rotaryInPlace(x[0].requiresGrad(true), 2, 6, 100, null),
            "rotaryInPlace: a parameter must keep its values: (2, 3, 12) f32; use rotary");
  }
}
