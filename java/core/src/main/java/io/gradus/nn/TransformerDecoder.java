package io.gradus.nn;

import io.gradus.op.AttentionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * {@link TransformerDecoderLayer}s one behind the other: from {@code (batch, time, width)} to the
 * same shape. Its parameters are those of {@code layers.0}, {@code layers.1} and so on and, where
 * it ends with a norm, of {@code norm}.
 */
public final class TransformerDecoder extends Module {

  private final ModuleList<TransformerDecoderLayer> layers;
  private final LayerNorm norm;

  /**
   * So many layers.
   *
   * @param norm whether it ends with a norm, as layers with norms before their parts need
   */
  public TransformerDecoder(
      TransformerOptions options, int layers, boolean norm, Device device, Seed seed) {
    List<TransformerDecoderLayer> parts = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      parts.add(new TransformerDecoderLayer(options, device, seed.split(i)));
    }
    this.layers = child("layers", new ModuleList<>(parts));
    this.norm =
        norm
            ? child("norm", new LayerNorm(options.width(), true, options.epsilon(), device))
            : null;
  }

  static UnsupportedOperationException withoutMemory() {
    return new UnsupportedOperationException(
        "transformer: a decoder needs a memory; call forward(x, memory)");
  }

  /** Refused, since it needs a memory. */
  @Override
  public Tensor forward(Tensor x) {
    throw withoutMemory();
  }

  /** Causal: a position sees itself and those before it, and all of the memory. */
  public Tensor forward(Tensor x, Tensor memory) {
    return forward(x, memory, AttentionOptions.causal(), AttentionOptions.full());
  }

  /** With masks, the same in each layer; see {@link TransformerDecoderLayer#forward}. */
  public Tensor forward(Tensor x, Tensor memory, AttentionOptions self, AttentionOptions cross) {
    Tensor y = x;
    for (int i = 0; i < layers.size(); i++) {
      TransformerDecoderLayer layer = layers.get(i);
      y = layer.call(y, in -> layer.forward(in, memory, self, cross));
    }
    return norm == null ? y : norm.call(y);
  }
}
