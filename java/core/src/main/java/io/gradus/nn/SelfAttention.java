package io.gradus.nn;

import io.gradus.op.Attention;
import io.gradus.op.AttentionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * Attention of a sequence to itself, with several heads (Vaswani et al. 2017) of which groups may
 * share keys and values (Ainslie et al. 2023): from {@code (batch, time, width)} to the same shape.
 *
 * <p>Its parameters are those of two linear layers: {@code qkv}, to the queries, keys and values of
 * all heads side by side, {@code ((heads + 2 · kvHeads) · head, width)}, and {@code out}, back from
 * all heads, {@code (width, width)}.
 */
public final class SelfAttention extends Module {

  private final int heads;
  private final int kvHeads;
  private final int head;
  private final Linear qkv;
  private final Linear out;

  /**
   * Attention in {@code heads} heads, each of size {@code width / heads}.
   *
   * @param kvHeads heads of keys and values; as many as heads, or a divisor of them
   * @param bias whether its linear layers have one
   */
  public SelfAttention(int width, int heads, int kvHeads, boolean bias, Device device, Seed seed) {
    if (width < 1 || heads < 1 || kvHeads < 1 || width % heads != 0 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "attention: heads must divide the width, and key-value heads the heads: width "
              + width
              + ", heads "
              + heads
              + ", key-value heads "
              + kvHeads);
    }
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.head = width / heads;
    qkv =
        child("qkv", new Linear(width, (heads + 2L * kvHeads) * head, bias, device, seed.split(0)));
    out = child("out", new Linear(width, width, bias, device, seed.split(1)));
  }

  /** Full attention: everything sees everything. */
  @Override
  public Tensor forward(Tensor x) {
    return forward(x, AttentionOptions.full(), packed -> packed);
  }

  /**
   * Attention with a mask or dropout.
   *
   * @param positions what to do with the packed queries, keys and values first, such as to rotate
   *     them by their positions; may take their memory
   */
  public Tensor forward(Tensor x, AttentionOptions options, UnaryOperator<Tensor> positions) {
    Tensor packed = positions.apply(qkv.call(x));
    return out.call(Attention.attention(packed, heads, kvHeads, options));
  }

  /**
   * The keys and values of x side by side, {@code (..., 2 · kvHeads · head)}: all that is needed of
   * positions whose own vectors nobody reads.
   */
  public Tensor keysAndValues(Tensor x) {
    return part(x, (long) heads * head, (heads + 2L * kvHeads) * head);
  }

  /**
   * Attention of some positions only.
   *
   * @param x {@code (batch, queries, width)}: the positions whose vectors are wanted
   * @param keysAndValues {@code (batch, keys, 2 · kvHeads · head)}, of all positions
   */
  public Tensor forward(Tensor x, Tensor keysAndValues, AttentionOptions options) {
    Tensor queries = part(x, 0, (long) heads * head);
    return out.call(Attention.attention(queries, keysAndValues, heads, kvHeads, options));
  }

  private Tensor part(Tensor x, long from, long to) {
    return qkv.call(x, in -> qkv.forward(in, from, to));
  }

  /** The layer before the heads. */
  public Linear qkv() {
    return qkv;
  }

  /** The layer behind the heads. */
  public Linear out() {
    return out;
  }

  @Override
  protected String settings() {
    return "heads=" + heads + (kvHeads == heads ? "" : ", kvHeads=" + kvHeads) + ", head=" + head;
  }
}
