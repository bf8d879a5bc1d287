package io.gradus.op;

import static io.gradus.op.Row.one;
import static io.gradus.op.Row.op;
import static io.gradus.op.Row.outside;

import io.gradus.tensor.Devices;
import io.gradus.tensor.Shape;
import java.util.List;

/** The rows of {@link Shapes} in {@link OpTable}. */
final class ShapeRows {

  private ShapeRows() {}

  static List<Row> rows() {
    String[] some = {"()", "1", "7", "0x3", "2x3x5", "17x33"};
    String[] matrices = {"1x1", "2x3", "0x3", "3x0", "17x33", "2x3x5", "3x1x7", "70x1025"};
    return List.of(
        one("to", x -> Shapes.to(Shapes.to(x, Devices.other(x.device())), x.device()), x -> x)
            .everyType()
            .leavesDevice()
            .shapes(some),
        one("reshape(Tensor, long...)", x -> Shapes.reshape(x, 1, -1), x -> asRow(x))
            .everyType()
            .shapes(some)
            .rejects(
                "2x3",
                x -> Shapes.reshape(x[0], 4, 2),
                "reshape: the sizes do not agree: (2, 3) has 6 elements, (4, 2) has 8")
            .rejects(
                "2x3",
                x -> Shapes.reshape(x[0], 4, -1),
                "reshape: (2, 3) cannot be divided into [4, -1]")
            .rejects(
                "2x3",
                x -> Shapes.reshape(x[0], -1, -1),
                "reshape: sizes must not be negative, but for one -1: [-1, -1]"),
        one(
                "reshape(Tensor, Shape)",
                x -> Shapes.reshape(x, Shape.of(x.size(), 1)),
                x -> x.reshape(Shape.of(x.shape().size(), 1)))
            .everyType()
            .shapes(some),
        one("slice", x -> Shapes.slice(x, 1, 3), x -> Reference.slice(x, 1, 3))
            .everyType()
            .shapes("3", "7", "3x5", "5x0", "4x2x3", "100x33")
            .rejects("2x3", "slice: 1 to 3 is not a range of the 2 rows of (2, 3)")
            .rejects("()", "slice: axis 0 is outside the shape () of rank 0"),
        one("slice", x -> Shapes.slice(x, 2, 2), x -> Reference.slice(x, 2, 2))
            .everyType()
            .shapes("3", "2x5"),
        one("narrow", x -> Shapes.narrow(x, -1, 1, 2), x -> Reference.narrow(x, -1, 1, 2))
            .everyType()
            .shapes("3", "7", "5x3", "0x5", "2x3x4", "33x100")
            .rejects("3x2", "narrow: 2 from 1 on is not a range of axis -1 of (3, 2)")
            .rejects("()", "narrow: axis -1 is outside the shape () of rank 0"),
        one("narrow", x -> Shapes.narrow(x, 0, 1, 0), x -> Reference.narrow(x, 0, 1, 0))
            .everyType()
            .shapes("3", "2x5"),
        one("transpose(Tensor)", Shapes::transpose, x -> Reference.transpose(x, -2, -1))
            .everyType()
            .shapes(matrices)
            .rejects("3", "transpose: needs two axes: (3)"),
        one(
                "transpose(Tensor, int, int)",
                x -> Shapes.transpose(x, 0, -1),
                x -> Reference.transpose(x, 0, -1))
            .everyType()
            .shapes(matrices)
            .shapes("7", "2x3x4x5")
            .rejects("2x3", x -> Shapes.transpose(x[0], 0, 2), outside("transpose", 2)),
        one("permute", x -> Shapes.permute(x, 2, 0, 1), x -> Reference.permute(x, 2, 0, 1))
            .everyType()
            .shapes("2x3x5", "1x1x1", "3x1x7", "0x2x3", "33x17x5", "4x130x65")
            .rejects("2x3", "permute: needs each axis of (2, 3) once: [2, 0, 1]")
            .rejects(
                "2x3x4",
                x -> Shapes.permute(x[0], 0, 1, 1),
                "permute: needs each axis of (2, 3, 4) once: [0, 1, 1]"),
        one("permute", x -> Shapes.permute(x, 0, -1, -2, 1), x -> Reference.permute(x, 0, 3, 2, 1))
            .everyType()
            .shapes("2x3x4x5", "1x3x1x5"),
        one(
                "expand",
                x -> Shapes.expand(x, Shape.of(2, 3, 5)),
                x -> Reference.expand(x, Shape.of(2, 3, 5)))
            .everyType()
            .shapes("1", "5", "3x1", "2x1x5", "1x3x5", "()")
            .rejects("2x2x3x5", "expand: (2, 2, 3, 5) does not repeat to (2, 3, 5)")
            .rejects(
                "4",
                "expand: shapes do not line up: (4) and (2, 3, 5); sizes must be the same or 1,"
                    + " counted from the last axis"),
        op("concat", x -> Shapes.concat(0, x), x -> Reference.concat(0, x))
            .everyType()
            .shapes("2 3", "0 3", "1 1 1", "2x3 1x3", "2x3 0x3 4x3", "17x33 50x33", "2x3x4 5x3x4")
            .rejects("2x3 2x4", "concat: shapes differ beside axis 0: (2, 3) and (2, 4)")
            .rejects("2x3 3", "concat: shapes differ beside axis 0: (2, 3) and (3)")
            .rejects("2x3", x -> Shapes.concat(0), "concat: needs at least one tensor")
            .rejects("2x3", x -> Shapes.concat(2, x), outside("concat", 2)),
        op("concat", x -> Shapes.concat(-1, x), x -> Reference.concat(-1, x))
            .everyType()
            .shapes("2x3 2x1", "2x3 2x0 2x5", "17x33 17x2", "2x3x4 2x3x7"),
        op("stack", x -> Shapes.stack(0, x), x -> Reference.stack(0, x))
            .everyType()
            .shapes("3 3", "() () ()", "2x3 2x3", "0x3 0x3", "17x33 17x33")
            .rejects("2x3 2x4", "stack: shapes differ: (2, 3) and (2, 4)")
            .rejects("2x3", x -> Shapes.stack(0), "stack: needs at least one tensor")
            .rejects("2x3", x -> Shapes.stack(3, x), "stack: axis 3 is outside the new rank 3"),
        op("stack", x -> Shapes.stack(-1, x), x -> Reference.stack(-1, x))
            .everyType()
            .shapes("3 3", "() () ()", "2x3 2x3", "2x3x4 2x3x4 2x3x4"));
  }

  private static Doubles asRow(Doubles x) {
    return x.reshape(Shape.of(1, x.shape().size()));
  }
}
