package io.gradus.nn;

import io.gradus.op.AttentionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.List;

/**
 * A layer of a transformer's encoder (Vaswani et al. 2017): attention of a sequence to itself, then
 * a feed-forward part for each position, each with dropout, a residual and a norm; from {@code
 * (batch, time, width)} to the same shape. See {@link TransformerOptions} for where its norms
 * stand.
 *
 * <p>Its parameters have PyTorch's names: {@code self_attn} (see {@link MultiHeadAttention}),
 * {@code linear1 (hidden, width)}, {@code linear2 (width, hidden)}, {@code norm1} and {@code
 * norm2}, each of the latter with weight and bias.
 */
public final class TransformerEncoderLayer extends TransformerLayer {

  /** Equal seeds give equal parameters. */
  public TransformerEncoderLayer(TransformerOptions options, Device device, Seed seed) {
    super(options, false, device, seed);
  }

  /** Every position sees every other. */
  @Override
  public Tensor forward(Tensor x) {
    return forward(x, AttentionOptions.full());
  }

  /** With masks, lengths or causal attention. */
  public Tensor forward(Tensor x, AttentionOptions attention) {
    return chain(x, List.of(v -> attend(v, attention), this::feedForward));
  }
}
