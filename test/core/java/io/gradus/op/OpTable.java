package io.gradus.op;

import java.util.List;
import java.util.stream.Stream;

/**
 * Every op, with its formula. A row is all that an op needs to be tested: {@link OpTableTest} gives
 * it values of every type and shape, derivatives of both orders, the edges of the number range and
 * every mistake that a caller can make.
 */
final class OpTable {

  private OpTable() {}

  static List<Row> rows() {
    return Stream.of(
            PointwiseRows.rows(),
            ComparisonRows.rows(),
            ActivationRows.rows(),
            ReductionRows.rows(),
            LinearAlgebraRows.rows(),
            ConvolutionRows.rows(),
            SoftmaxRows.rows(),
            LossRows.rows(),
            AttentionRows.rows(),
            NormalizationRows.rows(),
            ChannelNormalizationRows.rows(),
            PoolingRows.rows(),
            PositionRows.rows(),
            ShapeRows.rows(),
            IndexingRows.rows(),
            RandomRows.rows(),
            RecurrentRows.rows())
        .flatMap(List::stream)
        .toList();
  }
}
