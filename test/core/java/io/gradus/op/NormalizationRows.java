package io.gradus.op;

import static io.gradus.op.Row.binary;
import static io.gradus.op.Row.one;
import static io.gradus.op.Row.op;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.List;

/** The rows of {@link Normalization} in {@link OpTable}. */
final class NormalizationRows {

  private static final Seed SEED = Seed.of(42);

  /** Large beside the usual 1e-5: finite differences want rows that are well conditioned. */
  private static final double EPS = 0.1;

  private NormalizationRows() {}

  static List<Row> rows() {
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
}
