package io.gradus.op;

import static io.gradus.op.Row.one;
import static io.gradus.op.Row.op;

import io.gradus.tensor.Shape;
import java.util.List;

/** The rows of {@link OpTable} for {@link ChannelNormalization}, and their formulas. */
final class ChannelNormalizationRows {

  /** Large beside the usual 1e-5: finite differences want channels that are well conditioned. */
  private static final double EPS = 0.1;

  private ChannelNormalizationRows() {}

  static List<Row> rows() {
    return List.of(
        batch("batchNorm(Tensor, Tensor, Tensor, double)")
            .mixedPrecision()
            .rejects("2 2 2", "batchNorm: the input must be (batch, channels, ...): (2)")
            .rejects(
                "2x3 2 3",
                "batchNorm: the weight must have a value for each channel, the input's second axis:"
                    + " (2, 3) and (2)")
            .rejects(
                "2x3x4 3 4",
                "batchNorm: the bias must have a value for each channel, the input's second axis:"
                    + " (2, 3, 4) and (4)")
            .rejects(
                "1x3x1x1 3 3",
                "batchNorm: needs more than one value for each channel: (1, 3, 1, 1); take a larger"
                    + " batch, or switch the module to evaluation")
            .rejects(
                "2x3 3 3",
                x -> ChannelNormalization.batchNorm(x[0], x[1], x[2], -1),
                "batchNorm: eps must not be negative: -1.0"),
        normalized(
                one(
                    "batchNorm(Tensor, Tensor, Tensor, double)",
                    x -> ChannelNormalization.batchNorm(x, null, null, EPS),
                    ChannelNormalizationRows::batchNormalized))
            .shapes("3x2", "2x3x5"),
        running(),
        normalized(
                op(
                    "batchNormApply",
                    x -> ChannelNormalization.batchNormApply(x[0], x[1], x[2], x[3], x[4], EPS),
                    x -> applied(x[0], x[1], x[2], x[3], x[4])))
            .mixedPrecision()
            .shapes(
                "1x2 2 2 2:f32 2:f32",
                "3x2x5 2 2 2:f32 2:f32",
                "2x3x4x7 3 3 3:f32 3:f32",
                "0x3x2 3 3 3:f32 3:f32",
                "2x3x300 3 3 3:f32 3:f32")
            .rejects(
                "2x3 3 3 2:f32 3:f32",
                "batchNormApply: the mean must have a value for each channel, the input's second"
                    + " axis: (2, 3) and (2)")
            .rejects(
                "2x3 3 3 3:f32 3:i32",
                "batchNormApply: needs a tensor of type f32: i32 (3) on cpu; cast it first"),
        normalized(
                op(
                    "batchNormApply",
                    x -> ChannelNormalization.batchNormApply(x[0], null, null, x[1], x[2], EPS),
                    x -> applied(x[0], null, null, x[1], x[2])))
            .shapes("3x2x5 2:f32 2:f32"),
        group("groupNorm", 2)
            .mixedPrecision()
            .rejects("4 4 4", "groupNorm: the input must be (batch, channels, ...): (4)")
            .rejects("2x3 3 3", "groupNorm: groups must divide the channels: 2 groups of (2, 3)")
            .rejects(
                "2x4 4 3",
                "groupNorm: the bias must have a value for each channel, the input's second axis:"
                    + " (2, 4) and (3)"),
        normalized(
                one(
                    "groupNorm",
                    x -> ChannelNormalization.groupNorm(x, x.dim(1), null, null, EPS),
                    x -> grouped(x, x.dim(1))))
            .shapes("2x3x5", "1x2x17"));
  }

  private static Row batch(String name) {
    return normalized(
            op(
                name,
                x -> ChannelNormalization.batchNorm(x[0], x[1], x[2], EPS),
                x -> scaled(batchNormalized(x[0]), x[1], x[2])))
        .shapes(
            "2x1 1 1",
            "3x2 2 2",
            "0x3x2 3 3",
            "2x3x5 3 3",
            "2x2x3x4 2 2",
            "1x3x7 3 3",
            "70x17x3 17 17",
            "3x2x300 2 2",
            "300x33 33 33");
  }

  /** The running statistics are moved beside the values, which do not depend on them. */
  private static Row running() {
    return normalized(
            op(
                "batchNorm(Tensor, Tensor, Tensor, Running, double, double)",
                x ->
                    ChannelNormalization.batchNorm(
                        x[0],
                        x[1],
                        x[2],
                        new ChannelNormalization.Running(x[3], x[4], x[5]),
                        0.1,
                        EPS),
                x -> scaled(batchNormalized(x[0]), x[1], x[2])))
        .mixedPrecision()
        .shapes("3x2x5 2 2 2:f32 2:f32 ():i64", "2x3x300 3 3 3:f32 3:f32 ():i64")
        .rejects(
            "3x2 2 2 3:f32 3:f32 ():i64",
            "batchNorm: the running mean must have a value for each channel, the input's second"
                + " axis: (3, 2) and (3)")
        .rejects(
            "3x2 2 2 2:f32 3:f32 ():i64",
            "batchNorm: running statistics must be (channels), (channels) and a scalar: (2), (3)"
                + " and ()")
        .rejects(
            "3x2 2 2 2:f32 2:f32 ():i64",
            x ->
                ChannelNormalization.batchNorm(
                    x[0], x[1], x[2], new ChannelNormalization.Running(x[3], x[4], x[5]), 2, EPS),
            "batchNorm: the momentum must lie in [0, 1], or be -1 for an average: 2.0");
  }

  private static Row group(String name, int groups) {
    return normalized(
            op(
                name,
                x -> ChannelNormalization.groupNorm(x[0], groups, x[1], x[2], EPS),
                x -> scaled(grouped(x[0], groups), x[1], x[2])))
        .shapes("1x4 4 4", "2x4x3 4 4", "3x2x2x5 2 2", "0x2x3 2 2", "5x6x17 6 6", "2x4x300 4 4");
  }

  /** Whole numbers: their sums and doubles are exact in every type. */
  private static Row normalized(Row row) {
    return row.tolerance(2e-6, 2e-6).domain(Domain.coarse()).anyZero();
  }

  /** Weight and bias at each element's channel. */
  private static Doubles scaled(Doubles x, Doubles weight, Doubles bias) {
    return Doubles.of(
        x.shape(),
        i -> x.at(i) * (weight == null ? 1 : weight.at(i[1])) + (bias == null ? 0 : bias.at(i[1])));
  }

  private static Doubles applied(
      Doubles x, Doubles weight, Doubles bias, Doubles mean, Doubles variance) {
    Doubles normal =
        Doubles.of(x.shape(), i -> (x.at(i) - mean.at(i[1])) / Math.sqrt(variance.at(i[1]) + EPS));
    return scaled(normal, weight, bias);
  }

  private static Doubles batchNormalized(Doubles x) {
    return normalized(x, (i, j) -> i[1] == j[1]);
  }

  private static Doubles grouped(Doubles x, long groups) {
    long each = x.dim(1) / groups;
    return normalized(x, (i, j) -> i[0] == j[0] && i[1] / each == j[1] / each);
  }

  /** Whether two elements share their statistics. */
  private interface Together {
    boolean test(long[] i, long[] j);
  }

  private static Doubles normalized(Doubles x, Together together) {
    Doubles planes = x.reshape(Shape.of(x.dim(0), x.dim(1), x.shape().size(2, x.rank())));
    Shape each = Shape.of(x.dim(0), x.dim(1));
    Doubles means = Doubles.of(each, i -> mean(planes, together, i, 0, 1));
    Doubles variances = Doubles.of(each, i -> mean(planes, together, i, means.at(i), 2));
    Doubles y =
        Doubles.of(
            planes.shape(),
            i -> (planes.at(i) - means.at(i[0], i[1])) / Math.sqrt(variances.at(i[0], i[1]) + EPS));
    return y.reshape(x.shape());
  }

  /** The mean of {@code (x - centre)^power} over the elements together with those at i. */
  private static double mean(Doubles x, Together together, long[] i, double centre, int power) {
    double sum = 0;
    long count = 0;
    for (long b = 0; b < x.dim(0); b++) {
      for (long c = 0; c < x.dim(1); c++) {
        if (together.test(i, new long[] {b, c})) {
          for (long k = 0; k < x.dim(2); k++) {
            sum += Math.pow(x.at(b, c, k) - centre, power);
            count++;
          }
        }
      }
    }
    return sum / count;
  }
}
