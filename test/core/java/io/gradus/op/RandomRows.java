package io.gradus.op;

import static io.gradus.op.Row.one;

import io.gradus.tensor.DType;
import io.gradus.tensor.Seed;
import java.util.List;

/** The rows of {@link Random} in {@link OpTable}. */
final class RandomRows {

  private static final Seed SEED = Seed.of(42);

  private RandomRows() {}

  static List<Row> rows() {
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
