package io.gradus.nn;

import io.gradus.op.AttentionOptions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * {@link TransformerEncoderLayer}s one behind the other: from {@code (batch, time, width)} to the
 * same shape. Its parameters are those of {@code layers.0}, {@code layers.1} and so on and, where
 * it ends with a norm, of {@code norm}.
 */
public final class TransformerEncoder extends Module {

  private final ModuleList<TransformerEncoderLayer> layers;
  private final LayerNorm norm;

  /**
   * So many layers.
   *
   * @param norm whether it ends with a norm, as layers with norms before their parts need
   */
  public TransformerEncoder(
      TransformerOptions options, int layers, boolean norm, Device device, Seed seed) {
    List<TransformerEncoderLayer> parts = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      parts.add(new TransformerEncoderLayer(options, device, seed.split(i)));
    }
    this.layers = child("layers", new ModuleList<>(parts));
    this.norm =
        norm
            ? child("norm", new LayerNorm(options.width(), true, options.epsilon(), device))
            : null;
  }

  /** Every position sees every other. */
  @Override
  public Tensor forward(Tensor x) {
    return forward(x, AttentionOptions.full());
  }

  /** With masks, lengths or causal attention, the same in each layer. */
  public Tensor forward(Tensor x, AttentionOptions attention) {
    Tensor y = x;
    for (int i = 0; i < layers.size(); i++) {
      TransformerEncoderLayer layer = layers.get(i);
      y = layer.call(y, in -> layer.forward(in, attention));
    }
    return norm == null ? y : norm.call(y);
  }
}
