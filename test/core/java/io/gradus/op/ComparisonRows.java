package io.gradus.op;

import static io.gradus.op.Row.comparison;
import static io.gradus.op.Row.op;

import java.util.List;

/** The rows of {@link Comparisons} in {@link OpTable}. */
final class ComparisonRows {

  private ComparisonRows() {}

  static List<Row> rows() {
    return List.of(
        comparison("equal(Tensor, Tensor)", Comparisons::equal, (a, b) -> mask(a == b)),
        comparison("notEqual(Tensor, Tensor)", Comparisons::notEqual, (a, b) -> mask(a != b)),
        comparison("less(Tensor, Tensor)", Comparisons::less, (a, b) -> mask(a < b)),
        comparison("lessEqual(Tensor, Tensor)", Comparisons::lessEqual, (a, b) -> mask(a <= b)),
        comparison("greater(Tensor, Tensor)", Comparisons::greater, (a, b) -> mask(a > b)),
        comparison(
            "greaterEqual(Tensor, Tensor)", Comparisons::greaterEqual, (a, b) -> mask(a >= b)),
        comparison("equal(Tensor, double)", x -> Comparisons.equal(x, 1), x -> mask(x == 1))
            .rejects(
                "3:i32",
                x -> Comparisons.equal(x[0], 0.5),
                "equal: 0.5 is no number of type i32; cast the tensor first"),
        comparison("notEqual(Tensor, double)", x -> Comparisons.notEqual(x, 1), x -> mask(x != 1)),
        comparison("less(Tensor, double)", x -> Comparisons.less(x, 1), x -> mask(x < 1)),
        comparison(
            "lessEqual(Tensor, double)", x -> Comparisons.lessEqual(x, 1), x -> mask(x <= 1)),
        comparison("greater(Tensor, double)", x -> Comparisons.greater(x, 1), x -> mask(x > 1)),
        comparison(
            "greaterEqual(Tensor, double)", x -> Comparisons.greaterEqual(x, 1), x -> mask(x >= 1)),
        op(
                "where",
                x -> Comparisons.where(x[0], x[1], x[2]),
                x -> Reference.where(x[0], x[1], x[2]))
            .everyType()
            .shapes("0? 0 0", "()? () ()", "7? 7 7", "17? 17 17", "1025? 1025 1025")
            .shapes("32769? 32769 32769", "2x3? 3 2x1", "2x1? 3 ()", "3? 2x3 2x3", "0x3? 3 1x3")
            .shapes("()? 2x3 3", "4x1x3? 5x1 4x1x1")
            .rejects(
                "2x3:i32 2x3 2x3", "where: needs a tensor of type u8: (2, 3) i32; cast it first")
            .rejects(
                "2x3? 2x3 2x4",
                "where: shapes do not line up: (2, 3) and (2, 4); sizes must be the same or 1,"
                    + " counted from the last axis"));
  }

  private static double mask(boolean value) {
    return value ? 1 : 0;
  }
}
