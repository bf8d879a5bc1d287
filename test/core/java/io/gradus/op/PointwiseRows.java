package io.gradus.op;

import static io.gradus.op.Row.binary;
import static io.gradus.op.Row.broadcast;
import static io.gradus.op.Row.unary;

import io.gradus.tensor.DType;
import java.util.List;
import java.util.stream.Stream;

/** The rows of {@link Pointwise} in {@link OpTable}. */
final class PointwiseRows {

  private PointwiseRows() {}

  static List<Row> rows() {
    return Stream.of(arithmetic(), functions(), casts()).flatMap(List::stream).toList();
  }

  private static List<Row> arithmetic() {
    return List.of(
        broadcast("add(Tensor, Tensor)", Pointwise::add, Double::sum),
        broadcast("sub(Tensor, Tensor)", Pointwise::sub, (a, b) -> a - b),
        broadcast("mul(Tensor, Tensor)", Pointwise::mul, (a, b) -> a * b),
        broadcast("div(Tensor, Tensor)", Pointwise::div, (a, b) -> a / b).domain(0.5, 2),
        broadcast("pow(Tensor, Tensor)", Pointwise::pow, PointwiseRows::pow).domain(0.5, 2),
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
}
