package io.gradus.op;

import static io.gradus.op.Row.binary;
import static io.gradus.op.Row.one;
import static io.gradus.op.Row.op;
import static io.gradus.op.Row.outside;

import io.gradus.tensor.DType;
import java.util.List;

/** The rows of {@link Indexing} in {@link OpTable}. */
final class IndexingRows {

  private IndexingRows() {}

  static List<Row> rows() {
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
}
