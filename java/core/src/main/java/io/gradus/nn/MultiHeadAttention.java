package io.gradus.nn;

import io.gradus.op.Attention;
import io.gradus.op.AttentionOptions;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Attention with several heads (Vaswani et al. 2017), whose queries, keys and values may come from
 * different sources: {@code softmax(q · kᵀ / √head) · v} for each head, between a projection of
 * each source and one of all heads side by side.
 *
 * <p>Its parameters are PyTorch's: {@code in_proj_weight (3 · width, width)}, of queries, keys and
 * values one below the other, {@code in_proj_bias (3 · width)}, {@code out_proj.weight (width,
 * width)} and {@code out_proj.bias (width)}. The first begins as {@link Init#xavierUniform}, biases
 * with zeros.
 */
public final class MultiHeadAttention extends Module {

  private final int width;
  private final int heads;
  private final double dropout;
  private final Tensor inWeight;
  private final Tensor inBias;
  private final Linear out;
  private final Draws draws;

  /** With biases and without dropout. */
  public MultiHeadAttention(int width, int heads, Device device, Seed seed) {
    this(width, heads, 0, true, device, seed);
  }

  /**
   * Attention in {@code heads} heads, each of size {@code width / heads}.
   *
   * @param dropout the probability with which weights of the softmax are dropped in training
   * @param bias whether its projections have biases
   */
  public MultiHeadAttention(
      int width, int heads, double dropout, boolean bias, Device device, Seed seed) {
    if (width < 1 || heads < 1 || width % heads != 0) {
      throw new IllegalArgumentException(
          "attention: heads must divide the width: width " + width + ", heads " + heads);
    }
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new IllegalArgumentException(
          "attention: the probability of dropout must lie in [0, 1]: " + dropout);
    }
    this.width = width;
    this.heads = heads;
    this.dropout = dropout;
    Shape packed = Shape.of(3L * width, width);
    inWeight = parameter("in_proj_weight", () -> Init.xavierUniform(packed, seed.split(0), device));
    inBias =
        bias ? parameter("in_proj_bias", () -> Init.zeros(Shape.of(3L * width), device)) : null;
    out = child("out_proj", new Linear(width, width, bias, device, seed.split(1)));
    if (bias) {
      out.bias().fill(0);
    }
    draws = draws("dropout", seed.split(2));
  }

  /** Attention of a sequence {@code (batch, time, width)} to all of itself. */
  @Override
  public Tensor forward(Tensor x) {
    return forward(x, x, x, AttentionOptions.full());
  }

  /** Attention of a sequence to itself, with masks. */
  public Tensor forward(Tensor x, AttentionOptions options) {
    return forward(x, x, x, options);
  }

  /**
   * Attention of queries to keys, of whose values each query gets a mixture. Where key and value,
   * or all three, are the same tensor, it is projected once.
   *
   * @param query {@code (batch, queries, width)}
   * @param key {@code (batch, keys, width)}
   * @param value as key
   * @param options which keys a query sees: the lengths of the keys, a mask, causal attention
   * @return as query
   */
  public Tensor forward(Tensor query, Tensor key, Tensor value, AttentionOptions options) {
    check("queries", query);
    check("keys", key);
    check("values", value);
    AttentionOptions own =
        dropout > 0 && isTraining() ? options.dropout(dropout, draws.next()) : options;
    if (query == key && key == value) {
      Tensor packed = LinearAlgebra.linear(query, inWeight, inBias);
      return out.call(Attention.attention(packed, heads, heads, own));
    }
    Tensor q = projected(query, 0, 1);
    if (key == value) {
      Tensor keysAndValues = projected(key, 1, 3);
      return out.call(Attention.attention(q, keysAndValues, heads, heads, own));
    }
    Tensor mixed =
        Attention.attention(
            inHeads(q), inHeads(projected(key, 1, 2)), inHeads(projected(value, 2, 3)), own);
    return out.call(Shapes.reshape(mixed, q.shape()));
  }

  private void check(String name, Tensor x) {
    if (x.rank() != 3 || x.dim(2) != width) {
      throw new IllegalArgumentException(
          "attention: " + name + " must be (batch, time, " + width + "): " + x.shape());
    }
  }

  /** By the parts {@code from} to {@code to} of the packed projection. */
  private Tensor projected(Tensor x, long from, long to) {
    return LinearAlgebra.linear(
        x,
        Shapes.slice(inWeight, from * width, to * width),
        inBias == null ? null : Shapes.slice(inBias, from * width, to * width));
  }

  private Tensor inHeads(Tensor x) {
    return Shapes.reshape(x, x.dim(0), x.dim(1), heads, width / heads);
  }

  @Override
  protected String settings() {
    return "width=" + width + ", heads=" + heads + (dropout > 0 ? ", dropout=" + dropout : "");
  }
}
