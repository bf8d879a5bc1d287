package io.gradus.op;

import static io.gradus.op.Row.binary;
import static io.gradus.op.Row.broadcast;
import static io.gradus.op.Row.comparison;
import static io.gradus.op.Row.one;
import static io.gradus.op.Row.op;
import static io.gradus.op.Row.unary;

import io.gradus.tensor.DType;
import io.gradus.tensor.Devices;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.List;
import java.util.stream.Stream;

/**
 * Every op, with its formula. A row is all that an op needs to be tested: {@link OpTableTest} gives
 * it values of every type and shape, derivatives of both orders, the edges of the number range and
 * every mistake that a caller can make.
 */
final class OpTable {

  private static final Seed SEED = Seed.of(42);

  private OpTable() {}

  static List<Row> rows() {
    return Stream.of(
            arithmetic(),
            functions(),
            casts(),
            comparisons(),
            activations(),
            reductions(),
            linearAlgebra(),
            ConvolutionRows.rows(),
            softmax(),
            LossRows.rows(),
            attention(),
            normalization(),
            ChannelNormalizationRows.rows(),
            PoolingRows.rows(),
            positions(),
            shapes(),
            indexing(),
            random(),
            RecurrentRows.rows())
        .flatMap(List::stream)
        .toList();
  }

  private static List<Row> arithmetic() {
    return List.of(
        broadcast("add(Tensor, Tensor)", Pointwise::add, Double::sum),
        broadcast("sub(Tensor, Tensor)", Pointwise::sub, (a, b) -> a - b),
        broadcast("mul(Tensor, Tensor)", Pointwise::mul, (a, b) -> a * b),
        broadcast("div(Tensor, Tensor)", Pointwise::div, (a, b) -> a / b).domain(0.5, 2),
        broadcast("pow(Tensor, Tensor)", Pointwise::pow, OpTable::pow).domain(0.5, 2),
        unary("add(Tensor, double)", x -> Pointwise.add(x, 2.5), x -> x + 2.5),
        unary("sub(Tensor, double)", x -> Pointwise.sub(x, 2.5), x -> x - 2.5),
        unary("mul(Tensor, double)", x -> Pointwise.mul(x, -2.5), x -> x * -2.5),
        unary("div(Tensor, double)", x -> Pointwise.div(x, 2.5), x -> x / 2.5),
        unary("pow(Tensor, double)", x -> Pointwise.pow(x, 0), x -> 1),
        unary("pow(Tensor, double)", x -> Pointwise.pow(x, 1), x -> x),
        unary("pow(Tensor, double)", x -> Pointwise.pow(x, 2), x -> x * x),
        unary("pow(Tensor, double)", x -> Pointwise.pow(x, 3), x -> x * x * x),
        unary("pow(Tensor, double)", x -> Pointwise.pow(x, -1), x -> 1 / x).domain(0.5, 2),
        unary("pow(Tensor, double)", x -> Pointwise.pow(x, 0.5), x -> pow(x, 0.5)).domain(0.5, 2),
        unary("pow(Tensor, double)", x -> Pointwise.pow(x, -0.5), x -> pow(x, -0.5)).domain(0.5, 2),
        unary("pow(Tensor, double)", x -> Pointwise.pow(x, 2.7), x -> pow(x, (float) 2.7))
            .domain(0.5, 2),
        unary("neg", Pointwise::neg, x -> -x),
        binary(
                "lerp",
                (a, b) -> Pointwise.lerp(a, b, 0.25),
                (a, b) -> a.zip(b, (u, v) -> u + 0.25 * (v - u)))
            .tolerance(1e-6, 1e-6)
            .shapes("0 0", "() ()", "1 1", "7 7", "2x3x5 2x3x5", "1025 1025")
            .rejects("2x3 3", "lerp: shapes differ: (2, 3) and (3)"),
        binary(
                "lerp",
                (a, b) -> Pointwise.lerp(a, b, 0.75),
                (a, b) -> a.zip(b, (u, v) -> u + 0.75 * (v - u)))
            .tolerance(1e-6, 1e-6)
            .shapes("2x3x5 2x3x5"));
  }

  /** C and Java agree on all powers but these: for C, 1 to any power is 1, and so is (-1)^±∞. */
  private static double pow(double x, double y) {
    return x == 1 || x == -1 && Double.isInfinite(y) ? 1 : Math.pow(x, y);
  }

  private static List<Row> functions() {
    return List.of(
        unary("exp", Pointwise::exp, Math::exp).wide(-110, 95),
        unary("log", Pointwise::log, Math::log).domain(0.5, 2).wide(0, 1000),
        unary("erf", Pointwise::erf, Reference::erf).wide(-5, 5),
        // As far out as a block of them may be reduced in a few steps, and beyond.
        unary("sin", Pointwise::sin, Math::sin).wide(-100, 100),
        unary("sin", Pointwise::sin, Math::sin).wide(-1e9, 1e9),
        unary("cos", Pointwise::cos, Math::cos).wide(-100, 100),
        unary("cos", Pointwise::cos, Math::cos).wide(-1e9, 1e9),
        unary("sqrt", Pointwise::sqrt, Math::sqrt).domain(0.5, 2).wide(0, 1000),
        unary("abs", Pointwise::abs, Math::abs).domain(-2, 2, 0),
        unary("sign", Pointwise::sign, x -> x > 0 ? 1 : x < 0 ? -1 : 0).domain(-2, 2, 0),
        unary("clamp", x -> Pointwise.clamp(x, -0.5, 1), x -> Math.min(Math.max(x, -0.5), 1))
            .domain(-2, 2, -0.5, 1)
            .rejects(
                "2",
                x -> Pointwise.clamp(x[0], 2, 1),
                "clamp: the lower bound exceeds the upper: 2.0 and 1.0"));
  }

  private static List<Row> casts() {
    return List.of(
        cast(DType.F32, DType.BF16, DType.F16, DType.I32, DType.I64, DType.U8),
        cast(DType.BF16, DType.F32, DType.F16, DType.I32, DType.I64, DType.U8),
        cast(DType.F16, DType.F32, DType.BF16, DType.I32, DType.I64, DType.U8),
        cast(DType.I32, DType.F32, DType.BF16, DType.F16, DType.I64, DType.U8).wide(-300, 300),
        cast(DType.I64, DType.F32, DType.BF16, DType.F16, DType.I32, DType.U8).wide(-300, 300),
        unary("cast", x -> Pointwise.cast(x, DType.U8), x -> Math.max(0, Math.min(255, (long) x)))
            .types(DType.F32, DType.BF16, DType.F16)
            .wide(-20, 300)
            .takesIntegers()
            .gives(DType.U8));
  }

  /** Nothing to compute: the result's type rounds, and Java's casts to integers truncate too. */
  private static Row cast(DType to, DType... from) {
    return unary("cast", x -> Pointwise.cast(x, to), x -> x).types(from).takesIntegers().gives(to);
  }

  private static List<Row> comparisons() {
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

  private static List<Row> activations() {
    return List.of(
        unary("relu", Activations::relu, x -> Math.max(x, 0)).domain(-2, 2, 0).anyZero(),
        unary("sigmoid", Activations::sigmoid, x -> 1 / (1 + Math.exp(-x))).wide(-100, 100),
        unary("tanh", Activations::tanh, Math::tanh).wide(-20, 20),
        // 1 + tanh cancels where x is negative: what is left there is an absolute error.
        unary("gelu", Activations::gelu, OpTable::gelu).wide(-20, 20).tolerance(1e-6, 1e-6),
        unary("geluErf", Activations::geluErf, Reference::geluErf).wide(-16, 16),
        biased(
            binary(
                "biasGelu",
                Activations::biasGelu,
                (x, b) -> x.zip(b, Double::sum).map(OpTable::gelu))),
        biased(
            binary(
                "biasGeluErf",
                Activations::biasGeluErf,
                (x, b) -> x.zip(b, Double::sum).map(Reference::geluErf))),
        one("swiglu", Activations::swiglu, Reference::swiglu)
            .shapes("2", "6", "2x2", "0x6", "3x0", "2x3x10", "17x66", "3x2050", "300x110")
            .rejects("2x3", "swiglu: the last size must be even, gate and up: (2, 3)")
            .rejects("()", "swiglu: the last size must be even, gate and up: ()"),
        // Below -88 the exponential is infinite in F32.
        unary("silu", Activations::silu, x -> x / (1 + Math.exp(-x)))
            .wide(-100, 100)
            .tolerance(1e-6, 1e-36),
        unary("softplus", Activations::softplus, OpTable::softplus).wide(-100, 100),
        unary("logSigmoid", Activations::logSigmoid, x -> -softplus(-x)).wide(-100, 100),
        unary("leakyRelu", x -> Activations.leakyRelu(x, 0.125), x -> x > 0 ? x : 0.125 * x)
            .domain(-2, 2, 0),
        unary("leakyRelu", x -> Activations.leakyRelu(x, -2), x -> x > 0 ? x : -2 * x)
            .domain(-2, 2, 0),
        unary("elu", x -> Activations.elu(x, 1.5), x -> x > 0 ? x : 1.5 * Math.expm1(x))
            .domain(-2, 2, 0)
            .wide(-40, 20)
            .anyZero());
  }

  private static double softplus(double x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }

  /** Sums near 0 have lost digits, and gelu's cancellation is an absolute error. */
  private static Row biased(Row row) {
    return row.mixedPrecision()
        .tolerance(1e-6, 1e-6)
        .shapes("1x1 1", "2x3 3", "7 7", "0x3 3", "2x0 0", "2x3x5 5", "17x33 33", "3x1025 1025")
        .shapes("300x110 110")
        .rejects("2x3 2", row.name + ": the bias must have the input's last size: (2, 3) and (2)");
  }

  private static double gelu(double x) {
    return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
  }

  private static List<Row> reductions() {
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

  private static String outside(String op, int axis) {
    return op + ": axis " + axis + " is outside the shape (2, 3) of rank 2";
  }

  private static List<Row> linearAlgebra() {
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

  private static List<Row> softmax() {
    String[] rows = {"1", "7", "1x1", "2x3", "17x33", "0x3", "2x3x5", "3x1025", "300x110"};
    return List.of(
        // The distance to the largest, up to 60, is rounded before it becomes an exponent.
        one("softmax", Softmax::softmax, Reference::softmax)
            .shapes(rows)
            .wide(-30, 30)
            .tolerance(5e-6, 1e-37)
            .rejects("()", "softmax: needs an axis: ()"),
        // A logarithm close to 0 is the difference of larger numbers.
        one("logSoftmax", Softmax::logSoftmax, Reference::logSoftmax)
            .shapes(rows)
            .wide(-30, 30)
            .tolerance(1e-6, 3e-6)
            .rejects("()", "logSoftmax: needs an axis: ()"));
  }

  private static List<Row> attention() {
    String[] packed = {
      "1x1x4", "2x3x8", "1x5x40", "2x65x20", "1x130x68", "3x2x1024", "0x3x8", "2x0x8"
    };
    String[] apart = {
      "1x1x1x1 1x1x1x1 1x1x1x1",
      "2x3x4x5 2x3x2x5 2x3x2x5",
      "2x1x2x7 2x150x1x7 2x150x1x7",
      "1x65x2x16 1x70x2x16 1x70x2x16",
      "1x5x2x3 1x3x2x3 1x3x2x3",
      "2x3x2x80 2x3x2x80 2x3x2x80",
      "1x2x1x256 1x9x1x256 1x9x1x256",
      "2x3x1x2 2x0x1x2 2x0x1x2",
      "2x0x1x2 2x3x1x2 2x3x1x2"
    };
    return List.of(
        packedAttention(2, 1, AttentionOptions.causal(), true)
            .shapes(packed)
            .rejects(
                "2x3x6",
                "attention: needs (batch, time, (heads + 2 · kvHeads) · headSize): (2, 3, 6) with 2"
                    + " heads and 1 of keys")
            .rejects(
                "2x4",
                "attention: needs (batch, time, (heads + 2 · kvHeads) · headSize): (2, 4) with 2"
                    + " heads and 1 of keys")
            .rejects(
                "1x1x7",
                x -> Attention.attention(x[0], 3, 2, AttentionOptions.full()),
                "attention: the heads of keys must divide those of queries: 3 and 2")
            .rejects(
                "1x1x1028", "attention: head size 257 is not supported: supported are 1 to 256"),
        separateAttention(AttentionOptions.full(), false)
            .shapes(apart)
            .rejects(
                "2x3x2x4 2x3x2x4 2x3x2x5",
                "attention: needs queries (batch, time, heads, headSize) and keys and values"
                    + " (batch, keys, kvHeads, headSize): (2, 3, 2, 4), (2, 3, 2, 4) and (2, 3, 2,"
                    + " 5)")
            .rejects(
                "1x3x3x4 1x3x2x4 1x3x2x4",
                "attention: the heads of keys must divide those of queries: 3 and 2"),
        separateAttention(AttentionOptions.causal(), true).shapes(apart),
        attention(
                op(
                    "attention(Tensor, Tensor, int, int, AttentionOptions)",
                    x -> Attention.attention(x[0], x[1], 2, 1, AttentionOptions.causal()),
                    x -> Reference.attention(x[0], x[1], 2, 1, true)))
            .shapes("1x1x2 1x1x2", "2x1x10 2x150x10", "1x65x6 1x70x6", "1x5x40 1x3x40")
            .shapes("2x3x8 2x0x8", "2x0x8 2x3x8", "0x3x8 0x2x8")
            .rejects(
                "2x3x8 2x5x16",
                "attention: needs queries (batch, time, heads · headSize) and keys with values"
                    + " (batch, keys, 2 · kvHeads · headSize): (2, 3, 8) and (2, 5, 16) with 2"
                    + " heads and 1 of keys")
            .rejects(
                "1x3x6 1x3x8",
                x -> Attention.attention(x[0], x[1], 3, 2, AttentionOptions.full()),
                "attention: the heads of keys must divide those of queries: 3 and 2"));
  }

  private static Row packedAttention(
      int heads, int kvHeads, AttentionOptions options, boolean causal) {
    return attention(
        one(
            "attention(Tensor, int, int, AttentionOptions)",
            x -> Attention.attention(x, heads, kvHeads, options),
            x -> Reference.attention(x, heads, kvHeads, causal)));
  }

  private static Row separateAttention(AttentionOptions options, boolean causal) {
    return attention(
        op(
            "attention(Tensor, Tensor, Tensor, AttentionOptions)",
            x -> Attention.attention(x[0], x[1], x[2], options),
            x -> Reference.attention(x[0], x[1], x[2], causal)));
  }

  /**
   * Scores are rounded before they become exponents, and values of about 1 may cancel. The tensor
   * cores of a GPU take the softmax in 16 bits where the values have them.
   */
  private static Row attention(Row row) {
    return row.tolerance(2e-6, 2e-6).roundsOnGpu(2).differentiableOnce();
  }

  private static List<Row> normalization() {
    String[] plain = {"1x1 1 1", "2x3 3 3", "7 7 7", "0x3 3 3", "2x3x5 5 5", "17x33 33 33"};
    String[] large = {"3x1025 1025 1025", "300x110 110 110"};
    return List.of(
        normalized(
                op(
                    "layerNorm",
                    x -> Normalization.layerNorm(x[0], x[1], x[2], EPS),
                    x -> scaled(Reference.layerNorm(x[0], EPS), x[1]).zip(x[2], Double::sum)))
            .mixedPrecision()
            .shapes(plain)
            .shapes(large)
            .rejects(
                "2x3 2 3", "layerNorm: the weight must have the input's last size: (2, 3) and (2)")
            .rejects(
                "2x3 3 2x3",
                "layerNorm: the bias must have the input's last size: (2, 3) and (2, 3)")
            .rejects(
                "2x3 3 3",
                x -> Normalization.layerNorm(x[0], x[1], x[2], -1),
                "layerNorm: eps must not be negative: -1.0")
            .rejects("() 1 1", "layerNorm: needs an axis: ()"),
        normalized(
                one(
                    "layerNorm",
                    x -> Normalization.layerNorm(x, null, null, EPS),
                    x -> Reference.layerNorm(x, EPS)))
            .shapes("2x3", "17x33"),
        normalized(
                binary(
                    "rmsNorm",
                    (x, w) -> Normalization.rmsNorm(x, w, EPS),
                    (x, w) -> scaled(Reference.rmsNorm(x, EPS), w)))
            .mixedPrecision()
            .shapes("1x1 1", "2x3 3", "7 7", "0x3 3", "2x3x5 5", "17x33 33", "3x1025 1025")
            .rejects("2x3 2", "rmsNorm: the weight must have the input's last size: (2, 3) and (2)")
            .rejects("() 1", "rmsNorm: needs an axis: ()"),
        normalized(
                one(
                    "rmsNorm",
                    x -> Normalization.rmsNorm(x, null, EPS),
                    x -> Reference.rmsNorm(x, EPS)))
            .shapes("2x3", "17x33"),
        addLayerNorm("addLayerNorm(Tensor, Tensor, Tensor, Tensor, double)", 0)
            .rejects("2x3 2x4 3 3", "addLayerNorm: shapes differ: (2, 3) and (2, 4)"),
        addLayerNorm("addLayerNorm(Tensor, Tensor, Tensor, Tensor, double, double, Seed)", 0.5)
            .rejects(
                "2x3 2x3 3 3",
                x -> Normalization.addLayerNorm(x[0], x[1], x[2], x[3], EPS, 2, SEED).sum(),
                "addLayerNorm: the probability must lie in [0, 1]: 2.0")
            .rejects(
                "2x3 2x3 3 3",
                x -> Normalization.addLayerNorm(x[0], x[1], x[2], x[3], EPS, 0.5, null).sum(),
                "addLayerNorm: dropout needs a seed"),
        addRmsNorm("addRmsNorm(Tensor, Tensor, Tensor, double)", 0)
            .rejects(
                "2x3 2x3 2",
                "addRmsNorm: the weight must have the input's last size: (2, 3) and (2)"),
        addRmsNorm("addRmsNorm(Tensor, Tensor, Tensor, double, double, Seed)", 0.5));
  }

  /** Large beside the usual 1e-5: finite differences want rows that are well conditioned. */
  private static final double EPS = 0.1;

  /** Whole numbers: their sums and doubles are exact in every type. */
  private static Row normalized(Row row) {
    return row.tolerance(2e-6, 2e-6).domain(Domain.coarse()).anyZero();
  }

  private static Doubles scaled(Doubles x, Doubles weight) {
    return x.zip(weight, (a, w) -> a * w);
  }

  private static Row addLayerNorm(String name, double p) {
    return normalized(
            op(
                name,
                x ->
                    both(
                        p == 0
                            ? Normalization.addLayerNorm(x[0], x[1], x[2], x[3], EPS)
                            : Normalization.addLayerNorm(x[0], x[1], x[2], x[3], EPS, p, SEED)),
                x -> {
                  Doubles sum = Reference.dropout(x[0], p, SEED).zip(x[1], Double::sum);
                  Doubles y = scaled(Reference.layerNorm(sum, EPS), x[2]).zip(x[3], Double::sum);
                  return Reference.stack(0, sum, y);
                }))
        .shapes("1x1 1x1 1 1", "2x3 2x3 3 3", "7 7 7 7", "0x3 0x3 3 3", "2x3x5 2x3x5 5 5")
        .shapes("17x33 17x33 33 33", "3x1025 3x1025 1025 1025");
  }

  private static Row addRmsNorm(String name, double p) {
    return normalized(
            op(
                name,
                x ->
                    both(
                        p == 0
                            ? Normalization.addRmsNorm(x[0], x[1], x[2], EPS)
                            : Normalization.addRmsNorm(x[0], x[1], x[2], EPS, p, SEED)),
                x -> {
                  Doubles sum = Reference.dropout(x[0], p, SEED).zip(x[1], Double::sum);
                  return Reference.stack(0, sum, scaled(Reference.rmsNorm(sum, EPS), x[2]));
                }))
        .shapes("1x1 1x1 1", "2x3 2x3 3", "7 7 7", "0x3 0x3 3", "2x3x5 2x3x5 5")
        .shapes("17x33 17x33 33", "3x1025 3x1025 1025");
  }

  private static Tensor both(Normalization.Residual residual) {
    return Shapes.stack(0, residual.sum(), residual.normalized());
  }

  private static List<Row> positions() {
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

  private static List<Row> shapes() {
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

  private static List<Row> indexing() {
    return List.of(
        op("gather", x -> Indexing.gather(x[0], 0, x[1]), x -> Reference.gather(x[0], 0, x[1]))
            .everyType()
            .shapes("5x4 3x4<5", "5x4 7x4<5", "7 17<7", "5x4 0x4<5", "5x2x3 4x2x3<5", "1 1<1")
            .shapes("100x33 257x33<100", "0x3 0x3<1")
            .rejects("5x4 3x2<5", "gather: shapes differ beside axis 0: (5, 4) and (3, 2)")
            .rejects("5x4 3<5", "gather: shapes differ beside axis 0: (5, 4) and (3)")
            .rejects(
                "5x4 3x4:f32", "gather: indices must be i32 or i64: (3, 4) f32; cast them first")
            .rejects(
                "5x4 3x4=5",
                IndexOutOfBoundsException.class,
                "gather: index 5 at position 0 is outside [0, 5)")
            .rejects(
                "5 3=-1",
                IndexOutOfBoundsException.class,
                "gather: index -1 at position 0 is outside [0, 5)")
            .rejects("2x3 2x3<2", x -> Indexing.gather(x[0], 2, x[1]), outside("gather", 2)),
        op("gather", x -> Indexing.gather(x[0], -1, x[1]), x -> Reference.gather(x[0], -1, x[1]))
            .everyType()
            .shapes("4x5 4x3<5", "2x3x4 2x3x6<4", "7 17<7", "33x100 33x7<100"),
        binary("takeRows", Indexing::takeRows, Reference::takeRows)
            .everyType()
            .shapes("5x3 7<5", "5x3 2x3<5", "5 4<5", "5x2x3 4<5", "5x3 ()<5", "1x1 1<1", "5x0 3<5")
            .shapes("5x3 0<5", "100x33 257<100", "0x3 0<1")
            .rejects("() 3<5", "takeRows: axis 0 is outside the shape () of rank 0")
            .rejects("5x4 3:f32", "takeRows: indices must be i32 or i64: (3) f32; cast them first")
            .rejects(
                "5x4 3=5",
                IndexOutOfBoundsException.class,
                "takeRows: index 5 at position 0 is outside [0, 5)"),
        op("addRows", x -> Indexing.addRows(x[0], x[1], 5), x -> Reference.addRows(x[0], x[1], 5))
            .tolerance(2e-6, 2e-6) // rows that are added may cancel
            .shapes(
                "7x3 7<5", "1x3 1<5", "4 4<5", "4x2x3 4<5", "5x0 5<5", "0x3 0<5", "257x33 257<5")
            .rejects("4x3 3<5", "addRows: there must be an index for each row: (4, 3) and (3)")
            .rejects("4x3 2x2<5", "addRows: there must be an index for each row: (4, 3) and (2, 2)")
            .rejects("4x3 4:f32", "addRows: indices must be i32 or i64: (4) f32; cast them first")
            .rejects(
                "2x3 2<5",
                x -> Indexing.addRows(x[0], x[1], -1),
                "addRows: the number of rows must not be negative: -1")
            .rejects(
                "2x3 2=5",
                IndexOutOfBoundsException.class,
                "takeRowsGrad: index 5 at position 0 is outside [0, 5)"),
        op(
                "addRows",
                x -> Indexing.addRows(x[0], x[1], 300),
                x -> Reference.addRows(x[0], x[1], 300))
            .tolerance(2e-6, 2e-6)
            .shapes("257x3 257<300", "3x1025 3<300"),
        binary(
                "embedding(Tensor, Tensor)",
                Indexing::embedding,
                (tokens, table) -> Reference.takeRows(table, tokens))
            .shapes("7<5 5x3", "2x3<5 5x3", "()<5 5x3", "1<1 1x1", "3<5 5x0", "0<5 5x3")
            .shapes("257<100 100x33")
            .rejects("3<5 5", "embedding: the table must have a row for each token: (5)")
            .rejects("3:f32 5x4", "embedding: indices must be i32 or i64: (3) f32; cast them first")
            .rejects(
                "3=5 5x4",
                IndexOutOfBoundsException.class,
                "embedding: token 5 at position 0 is outside [0, 5)")
            .rejects(
                "3=-1 5x4",
                IndexOutOfBoundsException.class,
                "embedding: token -1 at position 0 is outside [0, 5)"),
        op(
                "embedding(Tensor, Tensor, Tensor, Tensor)",
                x -> Indexing.embedding(x[0], x[1], x[2], x[3]),
                x -> sums(Reference.takeRows(x[1], x[0]), Reference.takeRows(x[3], x[2])))
            .shapes(
                "7<5 5x3 7<4 4x3", "2x3<5 5x3 2x3<4 4x3", "()<5 5x3 ()<4 4x3", "3<5 5x0 3<4 4x0")
            .shapes("0<5 5x3 0<4 4x3", "257<100 100x33 257<9 9x33")
            .rejects(
                "3<5 5x4 3<6 6x5", "embedding: the tables' rows differ in size: (5, 4) and (6, 5)")
            .rejects("3<5 5x4 2<6 6x4", "embedding: shapes differ: (3) and (2)")
            .rejects(
                "3<5 5x4 3=6 6x4",
                IndexOutOfBoundsException.class,
                "embedding: position 6 at token 0 is outside [0, 6)"),
        op(
                "embedding(Tensor, Tensor, Tensor, Tensor)",
                x -> Indexing.embedding(x[0], x[1], null, x[2]),
                x -> sums(Reference.takeRows(x[1], x[0]), Reference.slice(x[2], 0, x[0].dim(-1))))
            .shapes(
                "3<5 5x3 4x3", "2x3<5 5x3 3x3", "2x2x4<5 5x3 9x3", "2x0<5 5x3 3x3", "0x2<5 5x3 3x3")
            .shapes("5x17<9 9x33 20x33")
            .rejects(
                "2x7<5 5x3 6x3",
                "embedding: more positions than the table has: (2, 7) and (6, 3); shorten the"
                    + " sequences"),
        one("oneHot", x -> Indexing.oneHot(x, 5), x -> Reference.oneHot(x, 5))
            .types(DType.F32)
            .withoutGradient()
            .shapes("7<5", "2x3<5", "0<5", "()<5", "1025<5")
            .rejects("3:f32", "oneHot: indices must be i32 or i64: (3) f32; cast them first")
            .rejects(
                "3<5",
                x -> Indexing.oneHot(x[0], -1),
                "oneHot: the number of classes must not be negative: -1")
            .rejects(
                "3=7",
                IndexOutOfBoundsException.class,
                "oneHot: index 7 at position 0 is outside [0, 5)"));
  }

  private static Doubles sums(Doubles a, Doubles b) {
    return a.zip(b, Double::sum);
  }

  private static List<Row> random() {
    return List.of(
        one(
                "uniform",
                x -> Random.uniform(x.shape(), SEED, -1, 3, x.device()),
                x -> Reference.uniform(x.shape(), SEED, -1, 3))
            .readsShapeOnly()
            .types(DType.F32)
            .withoutGradient()
            .shapes("0", "()", "1", "7", "17", "2x3x5", "1025", "32769")
            .rejects(
                "2",
                x -> Random.uniform(x[0].shape(), SEED, 2, 1, x[0].device()),
                "uniform: the lower bound exceeds the upper: 2.0 and 1.0"),
        // Radius and turn are computed in F32 from words of 32 bits.
        one(
                "normal",
                x -> Random.normal(x.shape(), SEED, 1, 2, x.device()),
                x -> Reference.normal(x.shape(), SEED, 1, 2))
            .readsShapeOnly()
            .types(DType.F32)
            .withoutGradient()
            .tolerance(1e-6, 3e-6)
            .shapes("0", "()", "1", "7", "17", "2x3x5", "1025", "32769")
            .rejects(
                "2",
                x -> Random.normal(x[0].shape(), SEED, 0, -1, x[0].device()),
                "normal: the standard deviation must not be negative: -1.0"),
        one("dropout", x -> Random.dropout(x, 0.25, SEED), x -> Reference.dropout(x, 0.25, SEED))
            .anyZero()
            .shapes("0", "()", "1", "7", "17", "2x3x5", "1025", "32769")
            .rejects(
                "2",
                x -> Random.dropout(x[0], 1.5, SEED),
                "dropout: the probability must lie in [0, 1]: 1.5"),
        one("dropout", x -> Random.dropout(x, 0, SEED), x -> x).shapes("7", "1025"),
        one("dropout", x -> Random.dropout(x, 1, SEED), x -> x.map(old -> 0))
            .anyZero()
            .shapes("7"));
  }
}
