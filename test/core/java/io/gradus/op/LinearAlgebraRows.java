package io.gradus.op;

import static io.gradus.op.Row.binary;
import static io.gradus.op.Row.op;

import io.gradus.tensor.DType;
import java.util.List;

/** The rows of {@link LinearAlgebra} in {@link OpTable}. */
final class LinearAlgebraRows {

  private LinearAlgebraRows() {}

  static List<Row> rows() {
    return List.of(
        binary("matmul", LinearAlgebra::matmul, Reference::matmul)
            .tolerance(1e-6, 1e-5)
            .shapes("2x3 3x4", "1x1 1x1", "1x7 7x1", "7x1 1x7", "17x13 13x19", "65x33 33x17")
            .shapes("0x3 3x2", "2x0 0x3", "2x3 3x0", "1x130 130x3", "2x4x3 2x3x5", "2x4x3 3x5")
            .shapes("4x3 2x3x5", "2x3x4x1 2x3x1x2", "1x4x3 1x3x5", "0x2x3 0x3x2")
            .rejects(
                "2x3 4x3",
                "matmul: inner sizes differ: (2, 3) x (4, 3); matmulNT multiplies by the transpose")
            .rejects("3 3x2", "matmul: operands must have two axes or more: (3) x (3, 2)")
            .rejects(
                "2x4x3 3x3x5",
                "matmul: batches differ: (2, 4, 3) x (3, 3, 5); they must be the same, or one"
                    + " operand a single matrix"),
        binary("matmulNT", LinearAlgebra::matmulNT, Reference::matmulNT)
            .tolerance(1e-6, 1e-5)
            .shapes("2x3 4x3", "1x1 1x1", "17x13 19x13", "2x0 3x0", "2x4x3 2x5x3", "2x4x3 5x3")
            .shapes("4x3 2x5x3", "33x65 17x65")
            .rejects("2x3 3x4", "matmulNT: inner sizes differ: (2, 3) x (3, 4)"),
        binary("matmulTN", LinearAlgebra::matmulTN, Reference::matmulTN)
            .tolerance(1e-6, 1e-5)
            .shapes("3x2 3x4", "1x1 1x1", "13x17 13x19", "0x2 0x3", "2x3x4 2x3x5", "2x3x4 3x5")
            .shapes("3x4 2x3x5", "65x33 65x17")
            .rejects("2x3 3x4", "matmulTN: inner sizes differ: (2, 3) x (3, 4)"),
        binary("linear(Tensor, Tensor)", LinearAlgebra::linear, Reference::linear)
            .tolerance(1e-6, 1e-5)
            .mixesTypes()
            .rejects("2x3 4x3:bf16", "linear: types differ: f32 and bf16; cast one of them")
            .shapes("2x3 4x3", "3 4x3", "1x1 1x1", "17x13 19x13", "2x5x3 4x3", "0x3 4x3", "2x0 4x0")
            .rejects(
                "2x3 3x4",
                "linear: the input's last size must be the weight's second: (2, 3) and (3, 4); the"
                    + " weight is (out, in)"),
        op(
                "linear(Tensor, Tensor, Tensor)",
                x -> LinearAlgebra.linear(x[0], x[1], x[2]),
                x -> Reference.linear(x[0], x[1], x[2]))
            .tolerance(1e-6, 1e-5)
            .mixesTypes()
            .rejects("2x3 4x3 4:f16", "linear: types differ: f32 and f16; cast one of them")
            .shapes("2x3 4x3 4", "3 4x3 4", "17x13 19x13 19", "2x5x3 4x3 4", "0x3 4x3 4")
            .shapes("2x0 4x0 4", "65x33 17x33 17")
            .rejects(
                "2x3 4x3 3", "linear: the bias must have the weight's first size: (3) and (4, 3)"),
        // Mixed precision: parameters of F32.
        op(
                "linear(Tensor, Tensor, Tensor)",
                x ->
                    LinearAlgebra.linear(
                        x[0], Pointwise.cast(x[1], DType.F32), Pointwise.cast(x[2], DType.F32)),
                x -> Reference.linear(x[0], x[1], x[2]))
            .tolerance(1e-6, 1e-5)
            .types(DType.BF16, DType.F16)
            .mixesTypes()
            .shapes("2x3 4x3 4", "3 4x3 4", "17x13 19x13 19", "2x5x3 4x3 4", "2x0 4x0 4"),
        binary("addBias", LinearAlgebra::addBias, (x, b) -> x.zip(b, Double::sum))
            .shapes(
                "2x3 3", "3 3", "1x1 1", "17x33 33", "2x5x3 3", "0x3 3", "2x0 0", "33x1025 1025")
            .rejects("2x3 2", "addBias: the bias must have the input's last size: (2, 3) and (2)"));
  }
}
