package io.gradus.op;

import static io.gradus.op.Row.binary;
import static io.gradus.op.Row.one;
import static io.gradus.op.Row.unary;

import java.util.List;

/** The rows of {@link Activations} in {@link OpTable}. */
final class ActivationRows {

  private ActivationRows() {}

  static List<Row> rows() {
    return List.of(
        unary("relu", Activations::relu, x -> Math.max(x, 0)).domain(-2, 2, 0).anyZero(),
        unary("sigmoid", Activations::sigmoid, x -> 1 / (1 + Math.exp(-x))).wide(-100, 100),
        unary("tanh", Activations::tanh, Math::tanh).wide(-20, 20),
        // 1 + tanh cancels where x is negative: what is left there is an absolute error.
        unary("gelu", Activations::gelu, ActivationRows::gelu).wide(-20, 20).tolerance(1e-6, 1e-6),
        unary("geluErf", Activations::geluErf, Reference::geluErf).wide(-16, 16),
        biased(
            binary(
                "biasGelu",
                Activations::biasGelu,
                (x, b) -> x.zip(b, Double::sum).map(ActivationRows::gelu))),
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
        unary("softplus", Activations::softplus, ActivationRows::softplus).wide(-100, 100),
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
}
