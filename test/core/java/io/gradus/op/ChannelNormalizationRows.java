package io.gradus.op;

import static io.gradus.op.Row.one;
import static io.gradus.op.Row.op;

import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
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
                "batchNormApply: needs a tensor of type f32: (3) i32; cast it first"),
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
            "70x3x3 3 3",
            "3x2x300 2 2",
            "70x65 65 65");
  }

  /** The table's operands stay as they are. */
  private static ChannelNormalization.Running copyOf(Tensor mean, Tensor variance, Tensor batches) {
    return new ChannelNormalization.Running(mean.copy(), variance.copy(), batches.copy());
  }

  /** The running statistics are moved beside the values, which do not depend on them. */
  private static Row running() {
    return normalized(
            op(
                "batchNorm(Tensor, Tensor, Tensor, Running, double, double)",
                x ->
                    ChannelNormalization.batchNorm(
                        x[0], x[1], x[2], copyOf(x[3], x[4], x[5]), 0.1, EPS),
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
            x -> ChannelNormalization.batchNorm(x[0], x[1], x[2], copyOf(x[3], x[4], x[5]), 2, EPS),
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
    return normalized(x, x.dim(1), (example, channel) -> channel);
  }

  private static Doubles grouped(Doubles x, long groups) {
    long each = x.dim(1) / groups;
    return normalized(
        x, x.dim(0) * groups, (example, channel) -> example * groups + channel / each);
  }

  /**
   * Which set of elements, that share their statistics, those of a channel of an example are in.
   */
  private interface Sets {
    long of(long example, long channel);
  }

  private static Doubles normalized(Doubles x, long count, Sets sets) {
    Doubles planes = x.reshape(Shape.of(x.dim(0), x.dim(1), x.shape().size(2, x.rank())));
    double[] means = means(planes, count, sets, new double[(int) count], 1);
    double[] variances = means(planes, count, sets, means, 2);
    Doubles y =
        Doubles.of(
            planes.shape(),
            i -> {
              int set = (int) sets.of(i[0], i[1]);
              return (planes.at(i) - means[set]) / Math.sqrt(variances[set] + EPS);
            });
    return y.reshape(x.shape());
  }

  /** The mean of {@code (x - centre)^power} over each set. */
  private static double[] means(Doubles x, long count, Sets sets, double[] centres, int power) {
    double[] sums = new double[(int) count];
    Doubles.of(
        x.shape(),
        i -> {
          int set = (int) sets.of(i[0], i[1]);
          sums[set] += Math.pow(x.at(i) - centres[set], power);
          return 0;
        });
    double each = (double) x.shape().size() / Math.max(1, count);
    return java.util.Arrays.stream(sums).map(sum -> sum / each).toArray();
  }
}
