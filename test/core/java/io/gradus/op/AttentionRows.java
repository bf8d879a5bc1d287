package io.gradus.op;

import static io.gradus.op.Row.one;
import static io.gradus.op.Row.op;

import java.util.List;

/** The rows of {@link Attention} in {@link OpTable}. */
final class AttentionRows {

  private AttentionRows() {}

  static List<Row> rows() {
    String[] packed = {
      "1x1x4", "2x3x8", "1x5x40", "2x65x20", "1x130x68", "3x2x1024", "0x3x8", "2x0x8"
    };
    String[] apart = {
      "1x1x1x1 1x1x1x1 1x1x1x1",
      "2x3x4x5 2x3x2x5 2x3x2x5",
      "2x1x2x7 2x150x1x7 2x150x1x7",
      "1x65x2x16 1x70x2x16 1x70x2x16",
      "1x5x2x3 1x3x2x3 1x3x2x3",
      "2x3x2x80 2x3x2x80 2x3x2x80",
      "1x2x1x256 1x9x1x256 1x9x1x256",
      "2x3x1x2 2x0x1x2 2x0x1x2",
      "2x0x1x2 2x3x1x2 2x3x1x2"
    };
    return List.of(
        packedAttention(2, 1, AttentionOptions.causal(), true)
            .shapes(packed)
            .rejects(
                "2x3x6",
                "attention: needs (batch, time, (heads + 2 · kvHeads) · headSize): (2, 3, 6) with 2"
                    + " heads and 1 of keys")
            .rejects(
                "2x4",
                "attention: needs (batch, time, (heads + 2 · kvHeads) · headSize): (2, 4) with 2"
                    + " heads and 1 of keys")
            .rejects(
                "1x1x7",
                x -> Attention.attention(x[0], 3, 2, AttentionOptions.full()),
                "attention: the heads of keys must divide those of queries: 3 and 2")
            .rejects(
                "1x1x1028", "attention: head size 257 is not supported: supported are 1 to 256"),
        separateAttention(AttentionOptions.full(), false)
            .shapes(apart)
            .rejects(
                "2x3x2x4 2x3x2x4 2x3x2x5",
                "attention: needs queries (batch, time, heads, headSize) and keys and values"
                    + " (batch, keys, kvHeads, headSize): (2, 3, 2, 4), (2, 3, 2, 4) and (2, 3, 2,"
                    + " 5)")
            .rejects(
                "1x3x3x4 1x3x2x4 1x3x2x4",
                "attention: the heads of keys must divide those of queries: 3 and 2"),
        separateAttention(AttentionOptions.causal(), true).shapes(apart),
        attention(
                op(
                    "attention(Tensor, Tensor, int, int, AttentionOptions)",
                    x -> Attention.attention(x[0], x[1], 2, 1, AttentionOptions.causal()),
                    x -> Reference.attention(x[0], x[1], 2, 1, true)))
            .shapes("1x1x2 1x1x2", "2x1x10 2x150x10", "1x65x6 1x70x6", "1x5x40 1x3x40")
            .shapes("2x3x8 2x0x8", "2x0x8 2x3x8", "0x3x8 0x2x8")
            .rejects(
                "2x3x8 2x5x16",
                "attention: needs queries (batch, time, heads · headSize) and keys with values"
                    + " (batch, keys, 2 · kvHeads · headSize): (2, 3, 8) and (2, 5, 16) with 2"
                    + " heads and 1 of keys")
            .rejects(
                "1x3x6 1x3x8",
                x -> Attention.attention(x[0], x[1], 3, 2, AttentionOptions.full()),
                "attention: the heads of keys must divide those of queries: 3 and 2"));
  }

  /**
   * Scores are rounded before they become exponents, and values of about 1 may cancel. The tensor
   * cores of a GPU take the softmax in 16 bits where the values have them.
   */
  private static Row attention(Row row) {
    return row.tolerance(2e-6, 2e-6).roundsOnGpu(2).differentiableOnce();
  }

  private static Row packedAttention(
      int heads, int kvHeads, AttentionOptions options, boolean causal) {
    return attention(
        one(
            "attention(Tensor, int, int, AttentionOptions)",
            x -> Attention.attention(x, heads, kvHeads, options),
            x -> Reference.attention(x, heads, kvHeads, causal)));
  }

  private static Row separateAttention(AttentionOptions options, boolean causal) {
    return attention(
        op(
            "attention(Tensor, Tensor, Tensor, AttentionOptions)",
            x -> Attention.attention(x[0], x[1], x[2], options),
            x -> Reference.attention(x[0], x[1], x[2], causal)));
  }
}
