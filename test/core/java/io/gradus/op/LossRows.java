package io.gradus.op;

import static io.gradus.op.Row.binary;
import static io.gradus.op.Row.op;

import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.DoubleBinaryOperator;
import java.util.stream.Stream;

/** The rows of {@link Losses} in {@link OpTable}. */
final class LossRows {

  private LossRows() {}

  static List<Row> rows() {
    return Stream.of(pairs(), CrossEntropyRows.rows(), margins(), sequences())
        .flatMap(List::stream)
        .toList();
  }

  private static List<Row> pairs() {
    List<Row> rows = new ArrayList<>();
    rows.add(pair("mse(Tensor, Tensor)", Losses::mse, LossRows::square, Reduction.MEAN));
    for (Reduction r : Reduction.values()) {
      rows.add(
          pair(
              "mse(Tensor, Tensor, Reduction)",
              (y, t) -> Losses.mse(y, t, r),
              LossRows::square,
              r));
    }
    rows.add(pair("mae(Tensor, Tensor)", Losses::mae, LossRows::distance, Reduction.MEAN));
    rows.add(
        pair(
            "mae(Tensor, Tensor, Reduction)",
            (y, t) -> Losses.mae(y, t, Reduction.SUM),
            LossRows::distance,
            Reduction.SUM));
    rows.add(
        // Derivatives on the parabola alone: a second one that meets the bend is no number to hold.
        pair("huber(Tensor, Tensor)", Losses::huber, (y, t) -> huber(y - t, 1), Reduction.MEAN)
            .domain(-0.45, 0.45)
            .wide(-2, 2));
    rows.add(
        pair(
                "huber(Tensor, Tensor, double, Reduction)",
                (y, t) -> Losses.huber(y, t, 0.75, Reduction.NONE),
                (y, t) -> huber(y - t, 0.75),
                Reduction.NONE)
            .rejects(
                "2 2",
                x -> Losses.huber(x[0], x[1], 0, Reduction.MEAN),
                "huber: delta must be above 0: 0.0"));
    rows.add(
        pair(
            "smoothL1(Tensor, Tensor)",
            Losses::smoothL1,
            (y, t) -> huber(y - t, 1),
            Reduction.MEAN));
    rows.add(
        pair(
                "smoothL1(Tensor, Tensor, double, Reduction)",
                (y, t) -> Losses.smoothL1(y, t, 0.5, Reduction.SUM),
                (y, t) -> huber(y - t, 0.5) / 0.5,
                Reduction.SUM)
            .rejects(
                "2 2",
                x -> Losses.smoothL1(x[0], x[1], -1, Reduction.MEAN),
                "smoothL1: beta must not be negative: -1.0"));
    rows.add(
        pair(
            "smoothL1(Tensor, Tensor, double, Reduction)",
            (y, t) -> Losses.smoothL1(y, t, 0, Reduction.NONE),
            LossRows::distance,
            Reduction.NONE));
    rows.addAll(yesOrNo());
    return rows;
  }

  private static List<Row> yesOrNo() {
    return List.of(
        pair("bce(Tensor, Tensor)", Losses::bce, LossRows::bce, Reduction.MEAN).domain(0.05, 0.95),
        pair(
                "bce(Tensor, Tensor, Reduction)",
                (p, t) -> Losses.bce(p, t, Reduction.NONE),
                LossRows::bce,
                Reduction.NONE)
            .domain(0.05, 0.95),
        pair(
            "bceWithLogits(Tensor, Tensor)",
            Losses::bceWithLogits,
            (x, t) -> bceWithLogits(x, t, 1),
            Reduction.MEAN),
        weighted(
                "2x3 2x3 3:f32",
                "7 7 7:f32",
                "17x33 17x33 33:f32",
                "2x3 2x3 ():f32",
                "0x3 0x3 3:f32")
            .rejects(
                "2x3 2x3 2:f32",
                "bceWithLogits: the positive weight must be one number or have the last size: (2)"
                    + " for logits (2, 3)")
            .rejects(
                "2x1 2 2:f32",
                "bceWithLogits: prediction and target must have the same shape: (2, 1) and (2);"
                    + " reshape the target to (2, 1)"),
        pair(
                "hinge(Tensor, Tensor)",
                Losses::hinge,
                (x, t) -> Math.max(0, 1 - t * x),
                Reduction.MEAN)
            .domain(-0.95, 0.95)
            .wide(-2, 2),
        pair(
                "hinge(Tensor, Tensor, Reduction)",
                (x, t) -> Losses.hinge(x, t, Reduction.BATCH_MEAN),
                (x, t) -> Math.max(0, 1 - t * x),
                Reduction.BATCH_MEAN)
            .domain(1.05, 2)
            .wide(-2, 2),
        pair("kl(Tensor, Tensor)", Losses::kl, LossRows::kl, Reduction.BATCH_MEAN).domain(0.05, 2),
        pair(
                "kl(Tensor, Tensor, boolean, Reduction)",
                (x, t) -> Losses.kl(x, t, false, Reduction.NONE),
                LossRows::kl,
                Reduction.NONE)
            .domain(0.05, 2),
        pair(
            "kl(Tensor, Tensor, boolean, Reduction)",
            (x, t) -> Losses.kl(x, t, true, Reduction.MEAN),
            (x, t) -> Math.exp(t) * (t - x),
            Reduction.MEAN));
  }

  /** A loss of a prediction and a target, both of which have gradients. */
  private static Row pair(
      String name, BinaryOperator<Tensor> op, DoubleBinaryOperator formula, Reduction r) {
    Row row =
        binary(name, op, (y, t) -> LossReference.reduce(y.zip(t, formula), r))
            .gives(DType.F32)
            .mixesTypes()
            .anyZero()
            .tolerance(2e-6, 2e-6)
            .shapes("() ()", "1 1", "2 2", "7 7", "0 0", "0x3 0x3", "2x3x5 2x3x5", "17x33 17x33")
            .shapes("1025 1025");
    return row.rejects(
            "4x1 4",
            row.opName()
                + ": prediction and target must have the same shape: (4, 1) and (4); reshape the"
                + " target to (4, 1)")
        .rejects(
            "2x3 3",
            row.opName() + ": prediction and target must have the same shape: (2, 3) and (3)");
  }

  private static Row weighted(String... shapes) {
    return op(
            "bceWithLogits(Tensor, Tensor, Tensor, Reduction)",
            x -> Losses.bceWithLogits(x[0], x[1], x[2], Reduction.NONE),
            x ->
                Doubles.of(
                    x[0].shape(), i -> bceWithLogits(x[0].at(i), x[1].at(i), x[2].spread(i))))
        .gives(DType.F32)
        .mixesTypes()
        .tolerance(2e-6, 2e-6)
        .shapes(shapes);
  }

  private static double square(double y, double t) {
    return (y - t) * (y - t);
  }

  private static double distance(double y, double t) {
    return Math.abs(y - t);
  }

  private static double huber(double d, double delta) {
    return Math.abs(d) <= delta ? d * d / 2 : delta * (Math.abs(d) - delta / 2);
  }

  private static double bce(double p, double t) {
    return -(t * Math.log(p) + (1 - t) * Math.log(1 - p));
  }

  private static double bceWithLogits(double x, double t, double weight) {
    return weight * t * Math.log1p(Math.exp(-x)) + (1 - t) * Math.log1p(Math.exp(x));
  }

  private static double kl(double x, double t) {
    return t * (Math.log(t) - x);
  }

  private static List<Row> margins() {
    return List.of(
        multiMargin(
            binary(
                "multiMargin(Tensor, Tensor)",
                Losses::multiMargin,
                (x, labels) ->
                    LossReference.reduce(
                        LossReference.multiMargin(x, labels, 1, 1, null), Reduction.MEAN))),
        multiMargin(
                op(
                    "multiMargin(Tensor, Tensor, int, double, Tensor, Reduction)",
                    x -> Losses.multiMargin(x[0], x[1], 2, 0.7, null, Reduction.NONE),
                    x -> LossReference.multiMargin(x[0], x[1], 2, 0.7, null)))
            .rejects(
                "2x3 2<3",
                x -> Losses.multiMargin(x[0], x[1], 3, 1, null, Reduction.MEAN),
                "multiMargin: the power must be 1 or 2: 3"),
        op(
                "multiMargin(Tensor, Tensor, int, double, Tensor, Reduction)",
                x -> Losses.multiMargin(x[0], x[1], 1, 1.5, x[2], Reduction.MEAN),
                x ->
                    LossReference.reduce(
                        LossReference.multiMargin(x[0], x[1], 1, 1.5, x[2]), Reduction.MEAN))
            .gives(DType.F32)
            .anyZero()
            .tolerance(2e-6, 2e-6)
            .shapes("4x3 4<3 3:f32", "17x33 17<33 33:f32", "3 ()<3 3:f32", "2x5x4 2x5<4 4:f32")
            .rejects(
                "2x3 2<3 2:f32",
                "multiMargin: there must be one weight for each class: (2) for logits (2, 3)"),
        cosine(
            op(
                "cosineEmbedding(Tensor, Tensor, Tensor)",
                x -> Losses.cosineEmbedding(x[0], x[1], x[2]),
                x ->
                    LossReference.reduce(
                        LossReference.cosineEmbedding(x[0], x[1], x[2], 0), Reduction.MEAN))),
        cosine(
            op(
                "cosineEmbedding(Tensor, Tensor, Tensor, double, Reduction)",
                x -> Losses.cosineEmbedding(x[0], x[1], x[2], -0.25, Reduction.NONE),
                x -> LossReference.cosineEmbedding(x[0], x[1], x[2], -0.25))),
        triplet(
            op(
                "triplet(Tensor, Tensor, Tensor)",
                x -> Losses.triplet(x[0], x[1], x[2]),
                x ->
                    LossReference.reduce(
                        LossReference.triplet(x[0], x[1], x[2], 1), Reduction.MEAN))),
        triplet(
            op(
                "triplet(Tensor, Tensor, Tensor, double, Reduction)",
                x -> Losses.triplet(x[0], x[1], x[2], 2.5, Reduction.NONE),
                x -> LossReference.triplet(x[0], x[1], x[2], 2.5))));
  }

  private static Row multiMargin(Row row) {
    return row.gives(DType.F32)
        .anyZero()
        .tolerance(2e-6, 2e-6)
        .shapes("2x3 2<3", "1x1 1<1", "17x33 17<33", "3 ()<3", "2x5x3 2x5<3")
        .rejects(
            "2x3 3<3",
            "multiMargin: there must be one label for each row of logits: (2, 3) and (3)");
  }

  private static Row cosine(Row row) {
    return row.gives(DType.F32)
        .mixesTypes()
        .anyZero()
        .tolerance(2e-6, 2e-6)
        .shapes("4x3 4x3 4:f32", "7x33 7x33 7:i64", "5 5 ():f32", "2x5x4 2x5x4 2x5:i32")
        .rejects(
            "4x3 4x3 3:f32",
            "cosineEmbedding: both embeddings must be (…, size) and the target (…): (4, 3), (4, 3)"
                + " and (3)");
  }

  private static Row triplet(Row row) {
    return row.gives(DType.F32)
        .mixesTypes()
        .anyZero()
        .tolerance(2e-6, 4e-6)
        .shapes("4x3 4x3 4x3", "7x33 7x33 7x33", "5 5 5", "2x5x4 2x5x4 2x5x4")
        .rejects(
            "4x3 4x3 4",
            "triplet: anchor, positive and negative must have one shape (…, size): (4, 3), (4, 3)"
                + " and (4)");
  }

  private static List<Row> sequences() {
    return List.of(
        ctc(op(
                "ctc(Tensor, Tensor, Tensor, Tensor)",
                x -> Losses.ctc(x[0], x[1], x[2], x[3]),
                x ->
                    LossReference.reduce(
                        LossReference.ctc(x[0], x[1], x[2], x[3], 0)
                            .zip(x[3], (loss, length) -> loss / Math.max(1, length)),
                        Reduction.MEAN)))
            .shapes("5x2x3 2x2=1 2=5 2=2", "4x3x2 3x1=1 3=4 3<2", "6x1x4 1x3=2 1=5 1=3"),
        ctc(op(
                "ctc(Tensor, Tensor, Tensor, Tensor, long, boolean, Reduction)",
                x -> Losses.ctc(x[0], x[1], x[2], x[3], 2, true, Reduction.NONE),
                x -> LossReference.ctc(x[0], x[1], x[2], x[3], 2)))
            .shapes("5x3x3 3x2<2 3=5 3=2", "5x2x4 2x2<2 2=4 2<3", "3x0x4 0x2<2 0=3 0=2")
            .rejects(
                "5x2x3 2x2<2 2=5 2=2",
                x -> Losses.ctc(x[0], x[1], x[2], x[3], 3, true, Reduction.NONE),
                "ctc: the blank must be one of 3 classes: 3"));
  }

  private static Row ctc(Row row) {
    return row.gives(DType.F32)
        .differentiableOnce()
        .tolerance(2e-6, 2e-6)
        .rejects(
            "5x2x3 2x2=1 3=5 2=2",
            "ctc: log-probabilities must be (time, batch, classes), targets (batch, length), lengths"
                + " (batch): (5, 2, 3), (2, 2), (3) and (2)")
        .rejects(
            "5x2x3 2x2=1 2=6 2=2",
            IndexOutOfBoundsException.class,
            "ctc: input length 6 at position 0 is outside [0, 6)")
        .rejects(
            "5x2x3 2x2=1 2=5 2=3",
            IndexOutOfBoundsException.class,
            "ctc: target length 3 at position 0 is outside [0, 3)")
        .rejects(
            "5x2x3 2x2=3 2=5 2=2",
            IndexOutOfBoundsException.class,
            "ctc: target 3 at position 0 is outside [0, 3)");
  }
}
