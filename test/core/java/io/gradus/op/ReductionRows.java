package io.gradus.op;

import static io.gradus.op.Row.one;
import static io.gradus.op.Row.outside;

import io.gradus.tensor.DType;
import java.util.List;

/** The rows of {@link Reductions} in {@link OpTable}. */
final class ReductionRows {

  private ReductionRows() {}

  static List<Row> rows() {
    String[] all = {"()", "1", "2", "7", "17", "1025", "2x3x5", "70x33", "32769"};
    String[] matrices = {"1x1", "2x3", "7x1", "1x7", "17x33", "3x1025", "1025x3", "200x170"};
    String[] cubes = {"1x1x1", "2x3x5", "3x17x4", "5x1x33", "40x31x30"};
    return List.of(
        one("sum(Tensor)", Reductions::sum, x -> Reference.sum(x, false))
            .tolerance(1e-6, 1e-5)
            .shapes(all)
            .shapes("0", "0x3"),
        one("sum(Tensor, int...)", x -> Reductions.sum(x, 0), x -> Reference.sum(x, false, 0))
            .tolerance(1e-6, 1e-5)
            .shapes(matrices)
            .shapes(cubes)
            .shapes("0", "7", "0x3", "3x0")
            .rejects("2x3", x -> Reductions.sum(x[0], 2), outside("sum", 2))
            .rejects(
                "2x3", x -> Reductions.sum(x[0], 0, -2), "sum: axis -2 is named twice: [0, -2]"),
        one("sum(Tensor, int...)", x -> Reductions.sum(x, -1), x -> Reference.sum(x, false, -1))
            .tolerance(1e-6, 1e-5)
            .shapes(matrices)
            .shapes(cubes)
            .shapes("0", "0x3", "3x0"),
        one("sum(Tensor, int...)", x -> Reductions.sum(x, 2, 0), x -> Reference.sum(x, false, 0, 2))
            .tolerance(1e-6, 1e-5)
            .shapes(cubes)
            .shapes("2x3x5x3"),
        one(
                "sum(Tensor, boolean, int...)",
                x -> Reductions.sum(x, true, 1),
                x -> Reference.sum(x, true, 1))
            .tolerance(1e-6, 1e-5)
            .shapes(matrices)
            .shapes(cubes),
        one(
                "sum(Tensor, boolean, int...)",
                x -> Reductions.sum(x, true),
                x -> Reference.sum(x, true))
            .tolerance(1e-6, 1e-5)
            .shapes(all),
        one("mean(Tensor)", Reductions::mean, x -> Reference.mean(x, false))
            .tolerance(1e-6, 1e-7)
            .shapes(all)
            .shapes("0", "0x3"),
        one("mean(Tensor, int...)", x -> Reductions.mean(x, 0), x -> Reference.mean(x, false, 0))
            .tolerance(1e-6, 1e-7)
            .shapes(matrices)
            .shapes(cubes)
            .rejects("2x3", x -> Reductions.mean(x[0], -3), outside("mean", -3)),
        one(
                "mean(Tensor, boolean, int...)",
                x -> Reductions.mean(x, true, -1, 0),
                x -> Reference.mean(x, true, -1, 0))
            .tolerance(1e-6, 1e-7)
            .shapes(matrices)
            .shapes(cubes),
        one("max(Tensor)", Reductions::max, x -> Reference.max(x, false))
            .domain(Domain.distinct())
            .shapes("()", "1", "2", "7", "17", "2x3x5", "15x17")
            .rejects("0x3", "max: there is no element to choose from: (0, 3)"),
        one("max(Tensor, int...)", x -> Reductions.max(x, 0), x -> Reference.max(x, false, 0))
            .domain(Domain.distinct())
            .shapes("7", "1x1", "2x3", "17x13", "3x5x7", "3x0")
            .rejects("2x3", x -> Reductions.max(x[0], 2), outside("max", 2))
            .rejects("0x3", "max: there is no element to choose from: (0, 3)"),
        one("max(Tensor, int...)", x -> Reductions.max(x, -1), x -> Reference.max(x, false, -1))
            .withoutGradient()
            .shapes(matrices)
            .shapes(cubes),
        one(
                "max(Tensor, boolean, int...)",
                x -> Reductions.max(x, true, -1),
                x -> Reference.max(x, true, -1))
            .domain(Domain.distinct())
            .shapes("7", "2x3", "13x17", "3x5x7"),
        one("argmax", x -> Reductions.argmax(x, -1), x -> Reference.argmax(x, -1))
            .domain(Domain.coarse())
            .gives(DType.I64)
            .shapes(matrices)
            .shapes(cubes)
            .shapes("7", "0x3")
            .rejects("2x3", x -> Reductions.argmax(x[0], 2), outside("argmax", 2))
            .rejects("3x0", "argmax: there is no element to choose from: (3, 0)"),
        one("argmax", x -> Reductions.argmax(x, 0), x -> Reference.argmax(x, 0))
            .domain(Domain.coarse())
            .gives(DType.I64)
            .shapes(matrices)
            .shapes(cubes));
  }
}
