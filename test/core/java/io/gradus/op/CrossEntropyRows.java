package io.gradus.op;

import static io.gradus.op.Row.binary;
import static io.gradus.op.Row.op;

import io.gradus.tensor.DType;
import java.util.List;
import java.util.stream.Stream;

/** The rows of cross-entropies in {@link OpTable}: of scores, and of log-probabilities. */
final class CrossEntropyRows {

  private static final CrossEntropyOptions MEAN = CrossEntropyOptions.mean();

  private CrossEntropyRows() {}

  static List<Row> rows() {
    return Stream.of(crossEntropies(), linear(), likelihoods()).flatMap(List::stream).toList();
  }

  private static List<Row> crossEntropies() {
    CrossEntropyOptions smooth = MEAN.smoothing(0.2);
    CrossEntropyOptions each = CrossEntropyOptions.of(Reduction.NONE).smoothing(0.1).ignored(1);
    CrossEntropyOptions halfSum = CrossEntropyOptions.of(Reduction.HALF_SUM);
    CrossEntropyOptions sum = CrossEntropyOptions.of(Reduction.SUM).smoothing(1);
    CrossEntropyOptions batchMean = CrossEntropyOptions.of(Reduction.BATCH_MEAN);
    String options = "crossEntropy(Tensor, Tensor, CrossEntropyOptions)";
    return List.of(
        labelled(
            binary(
                "crossEntropy(Tensor, Tensor)",
                Losses::crossEntropy,
                (x, labels) -> Reference.crossEntropy(x, labels, -100))),
        labelled(
            op(
                "crossEntropy(Tensor, Tensor, long)",
                x -> Losses.crossEntropy(x[0], x[1], 1),
                x -> Reference.crossEntropy(x[0], x[1], 1))),
        labelled(
                binary(
                    "crossEntropyInPlace",
                    Losses::crossEntropyInPlace,
                    (x, labels) -> Reference.crossEntropy(x, labels, -100)))
            .overwrites(),
        labelled(withOptions(options, smooth)),
        labelled(withOptions(options, each)),
        labelled(withOptions(options, halfSum)),
        labelled(withOptions(options, sum)),
        labelled(withOptions(options, batchMean)),
        withWeights(options, smooth),
        withWeights(options, each),
        withWeights(options, sum),
        probabilities(
            binary(
                "crossEntropy(Tensor, Tensor)",
                Losses::crossEntropy,
                (x, p) -> LossReference.crossEntropyOfProbabilities(x, p, 0, Reduction.MEAN))),
        probabilities(
            binary(
                options,
                (x, p) ->
                    Losses.crossEntropy(
                        x, p, CrossEntropyOptions.of(Reduction.NONE).smoothing(0.3)),
                (x, p) -> LossReference.crossEntropyOfProbabilities(x, p, 0.3, Reduction.NONE))));
  }

  /** Of odd numbers of classes, too, which a GPU pads. Scores are kept in the input's type. */
  private static List<Row> linear() {
    Row exact = linearRow().types(DType.F32).tolerance(2e-6, 4e-6);
    Row rounded = linearRow().types(DType.BF16, DType.F16).tolerance(0, 0.02);
    return List.of(
        exact
            .rejects(
                "2x3 4x5 2<4",
                "linear: the input's last size must be the weight's second: (2, 3) and (4, 5); the"
                    + " weight is (out, in)")
            .rejects(
                "2x3 9x3 2=9",
                IndexOutOfBoundsException.class,
                "crossEntropy: label 9 at row 0 is outside [0, 9)"),
        rounded.mixedPrecision().domain(-1, 1));
  }

  private static Row linearRow() {
    return op(
            "linearCrossEntropy",
            x -> Losses.linearCrossEntropy(x[0], x[1], x[2]),
            x -> Reference.crossEntropy(Reference.linear(x[0], x[1]), x[2], -100))
        .gives(DType.F32)
        .mixesTypes()
        .shapes("2x4 3x4 2<3", "7x5 8x5 7<8", "4 9x4 ()<9", "2x3x8 65x8 2x3<65")
        .shapes("30x16 257x16 30<257");
  }

  private static Row withOptions(String name, CrossEntropyOptions options) {
    return op(
        name,
        x -> Losses.crossEntropy(x[0], x[1], options),
        x -> LossReference.crossEntropy(x[0], x[1], null, options));
  }

  private static Row withWeights(String name, CrossEntropyOptions options) {
    return op(
            name,
            x -> Losses.crossEntropy(x[0], x[1], options.weights(x[2])),
            x -> LossReference.crossEntropy(x[0], x[1], x[2], options))
        .gives(DType.F32)
        .tolerance(2e-6, 2e-6)
        .shapes("4x3 4<3 3:f32", "7x5 7<5 5:f32", "17x33 17<33 33:f32", "2x5x4 2x5<4 4:f32")
        .shapes("3x1025 3<1025 1025:f32", "300x110 300<110 110:f32")
        .rejects(
            "2x3 2<3 2:f32",
            "crossEntropy: there must be one weight for each class: (2) for logits (2, 3)")
        .rejects(
            "2x3 2<3 3:i64", "crossEntropy: needs a tensor of type f32: (3) i64; cast it first")
        .rejects(
            "2x3 2<3 3:f32",
            x -> Losses.crossEntropy(x[0], x[1], MEAN.smoothing(1.5)),
            "crossEntropy: the smoothing must lie in [0, 1]: 1.5");
  }

  private static Row probabilities(Row row) {
    return row.says("crossEntropy")
        .gives(DType.F32)
        .mixesTypes()
        .tolerance(2e-6, 4e-6)
        .shapes("2x3 2x3", "3 3", "17x33 17x33", "2x5x4 2x5x4", "3x1025 3x1025");
  }

  private static Row labelled(Row row) {
    return row.says("crossEntropy")
        .gives(DType.F32)
        .tolerance(1e-6, 2e-6)
        .shapes("2x3 2<3", "1x1 1<1", "7x2 7<2", "17x33 17<33", "3 ()<3", "2x5x3 2x5<3")
        .shapes("3x1025 3<1025", "300x110 300<110")
        .rejects(
            "2x3 3<3",
            "crossEntropy: there must be one label for each row of logits: (2, 3) and (3)")
        .rejects("2x3 2:f32", "crossEntropy: indices must be i32 or i64: (2) f32; cast them first")
        .rejects(
            "2x3 2=3",
            IndexOutOfBoundsException.class,
            "crossEntropy: label 3 at row 0 is outside [0, 3)")
        .rejects(
            "2x3 2=-1",
            IndexOutOfBoundsException.class,
            "crossEntropy: label -1 at row 0 is outside [0, 3)");
  }

  private static List<Row> likelihoods() {
    CrossEntropyOptions each = CrossEntropyOptions.of(Reduction.NONE).ignored(1);
    return List.of(
        op(
                "nll(Tensor, Tensor)",
                x -> Losses.nll(x[0], x[1]),
                x -> LossReference.nll(x[0], x[1], null, MEAN))
            .gives(DType.F32)
            .anyZero()
            .tolerance(2e-6, 2e-6)
            .shapes("2x3 2<3", "1x1 1<1", "17x33 17<33", "3 ()<3", "2x5x3 2x5<3")
            .rejects(
                "2x3 3<3", "nll: there must be one label for each row of logits: (2, 3) and (3)")
            .rejects("2x3 2:f32", "nll: indices must be i32 or i64: (2) f32; cast them first")
            .rejects(
                "2x3 2=3",
                IndexOutOfBoundsException.class,
                "gather: index 3 at position 0 is outside [0, 3)"),
        likelihoods(MEAN),
        likelihoods(each)
            .rejects(
                "2x3 2<3 3:f32",
                x -> Losses.nll(x[0], x[1], MEAN.smoothing(0.5)),
                "nll: there is no smoothing here: 0.5; crossEntropy has it"));
  }

  private static Row likelihoods(CrossEntropyOptions options) {
    return op(
            "nll(Tensor, Tensor, CrossEntropyOptions)",
            x -> Losses.nll(x[0], x[1], options.weights(x[2])),
            x -> LossReference.nll(x[0], x[1], x[2], options))
        .gives(DType.F32)
        .anyZero()
        .tolerance(2e-6, 2e-6)
        .shapes("4x3 4<3 3:f32", "17x33 17<33 33:f32", "2x5x4 2x5<4 4:f32");
  }
}
