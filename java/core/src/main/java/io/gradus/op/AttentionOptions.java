package io.gradus.op;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * Which keys a query sees in {@link Attention}, and what is done to its scores. Immutable: each
 * method returns options with one more.
 *
 * <pre>{@code
 * AttentionOptions.causal().window(512).dropout(0.1, seed)
 * }</pre>
 */
public final class AttentionOptions {

  private static final AttentionOptions FULL =
      new AttentionOptions(false, 0, null, null, null, null, 0, null, 0);

  final boolean causal;
  final int window; // 0: none
  final Tensor lengths;
  final Tensor documents;
  final Tensor mask;
  final Tensor slopes;
  final double p;
  final Seed seed;
  private final double scale; // 0: the usual one

  private AttentionOptions(
      boolean causal,
      int window,
      Tensor lengths,
      Tensor documents,
      Tensor mask,
      Tensor slopes,
      double p,
      Seed seed,
      double scale) {
    this.causal = causal;
    this.window = window;
    this.lengths = lengths;
    this.documents = documents;
    this.mask = mask;
    this.slopes = slopes;
    this.p = p;
    this.seed = seed;
    this.scale = scale;
  }

  /** Every query sees every key. */
  public static AttentionOptions full() {
    return FULL;
  }

  /**
   * A query sees the keys up to itself. Where there are more keys than queries, the last query
   * stands at the last key, as when new tokens are run against a cache.
   */
  public static AttentionOptions causal() {
    return new AttentionOptions(true, 0, null, null, null, null, 0, null, 0);
  }

  /**
   * A query sees itself and the {@code window - 1} keys before it; in full attention also after.
   */
  public AttentionOptions window(int window) {
    if (window < 1) {
      throw new IllegalArgumentException("attention: the window must be 1 or more: " + window);
    }
    return new AttentionOptions(causal, window, lengths, documents, mask, slopes, p, seed, scale);
  }

  /**
   * How many keys of each sequence count, I32 of shape (batch): padding behind them is never read,
   * nor is the unused rest of a key-value cache. Where the number of queries differs from that of
   * keys, the last query stands at the last key that counts.
   */
  public AttentionOptions lengths(Tensor lengths) {
    return new AttentionOptions(causal, window, lengths, documents, mask, slopes, p, seed, scale);
  }

  /**
   * Tokens of packed sequences see their own document only: I32 of shape (batch, time), where
   * neighbours with the same number belong together.
   */
  public AttentionOptions documents(Tensor documents) {
    return new AttentionOptions(causal, window, lengths, documents, mask, slopes, p, seed, scale);
  }

  /**
   * Is added to the scores: F32 that broadcasts to (batch, heads, queries, keys); -infinity hides a
   * key. No gradient flows into it.
   */
  public AttentionOptions mask(Tensor mask) {
    return new AttentionOptions(causal, window, lengths, documents, mask, slopes, p, seed, scale);
  }

  /**
   * Attention with linear biases (Press et al. 2022): {@code slope · (key - query)}, the distance
   * of their positions, is added to the scores of a head. F32 of shape (heads), without gradient.
   */
  public AttentionOptions alibi(Tensor slopes) {
    return new AttentionOptions(causal, window, lengths, documents, mask, slopes, p, seed, scale);
  }

  /** Drops weights with probability {@code p}, the same ones for the same seed. */
  public AttentionOptions dropout(double p, Seed seed) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException(
          "attention: the probability of dropout must lie in [0, 1]: " + p);
    }
    return new AttentionOptions(causal, window, lengths, documents, mask, slopes, p, seed, scale);
  }

  /** What products of queries and keys are multiplied by; without it {@code 1 / √(head size)}. */
  public AttentionOptions scale(double scale) {
    if (!(scale > 0 && scale < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("attention: the scale must be above 0: " + scale);
    }
    return new AttentionOptions(causal, window, lengths, documents, mask, slopes, p, seed, scale);
  }

  double scaleFor(long headSize) {
    return scale != 0 ? scale : 1 / Math.sqrt(headSize);
  }
}
