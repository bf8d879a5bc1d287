package io.gradus.nn;

import io.gradus.op.AttentionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.List;

/**
 * A layer of a transformer's decoder (Vaswani et al. 2017): attention of a sequence to itself,
 * attention to a memory, which an encoder made, and a feed-forward part, each with dropout, a
 * residual and a norm; from {@code (batch, time, width)} to the same shape.
 *
 * <p>Its parameters have PyTorch's names: those of {@link TransformerEncoderLayer}, {@code
 * multihead_attn} for the attention to the memory, and {@code norm3}.
 */
public final class TransformerDecoderLayer extends TransformerLayer {

  /** Equal seeds give equal parameters. */
  public TransformerDecoderLayer(TransformerOptions options, Device device, Seed seed) {
    super(options, true, device, seed);
  }

  /** Refused, since it needs a memory. */
  @Override
  public Tensor forward(Tensor x) {
    throw TransformerDecoder.withoutMemory();
  }

  /** Causal: a position sees itself and those before it, and all of the memory. */
  public Tensor forward(Tensor x, Tensor memory) {
    return forward(x, memory, AttentionOptions.causal(), AttentionOptions.full());
  }

  /**
   * With masks.
   *
   * @param x {@code (batch, time, width)}
   * @param memory {@code (batch, keys, width)}
   * @param self what a position sees of its own sequence
   * @param cross what it sees of the memory
   */
  public Tensor forward(Tensor x, Tensor memory, AttentionOptions self, AttentionOptions cross) {
    return chain(
        x,
        List.of(
            v -> attend(v, self),
            v -> memoryAttention.call(v, q -> memoryAttention.forward(q, memory, memory, cross)),
            this::feedForward));
  }
}
