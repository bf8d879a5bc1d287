package io.gradus.nn;

import io.gradus.op.AttentionOptions;
import io.gradus.op.Normalization;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** What the layers of a transformer's encoder and decoder share. */
abstract sealed class TransformerLayer extends Module
    permits TransformerEncoderLayer, TransformerDecoderLayer {

  private final MultiHeadAttention selfAttention;

  /** To a memory, in decoders; else null. */
  final MultiHeadAttention memoryAttention;

  private final TransformerOptions options;
  private final Linear linear1;
  private final Linear linear2;
  private final List<LayerNorm> norms = new ArrayList<>();
  private final Draws draws;

  TransformerLayer(TransformerOptions options, boolean memory, Device device, Seed seed) {
    this.options = options;
    selfAttention = attention("self_attn", device, seed.split(0));
    memoryAttention = memory ? attention("multihead_attn", device, seed.split(1)) : null;
    int width = options.width();
    linear1 = child("linear1", new Linear(width, options.hidden(), device, seed.split(2)));
    linear2 = child("linear2", new Linear(options.hidden(), width, device, seed.split(3)));
    for (int i = 1; i <= (memory ? 3 : 2); i++) {
      norms.add(child("norm" + i, new LayerNorm(width, true, options.epsilon(), device)));
    }
    draws = draws("dropout", seed.split(4));
  }

  private MultiHeadAttention attention(String name, Device device, Seed seed) {
    return child(
        name,
        new MultiHeadAttention(
            options.width(), options.heads(), options.dropout(), true, device, seed));
  }

  /**
   * The parts of the layer one behind the other, each with dropout, residual and norm: {@code x +
   * part(norm(x))} or {@code norm(x + part(x))}.
   */
  final Tensor chain(Tensor x, List<UnaryOperator<Tensor>> parts) {
    double p = isTraining() ? options.dropout() : 0;
    Tensor sum = x;
    if (!options.preNorm()) {
      for (int i = 0; i < parts.size(); i++) {
        sum = norms.get(i).add(parts.get(i).apply(sum), sum, p, seed(p)).normalized();
      }
      return sum;
    }
    Tensor normalized = norms.get(0).call(x);
    for (int i = 0; i + 1 < parts.size(); i++) { // each sum meets the next norm on the way
      Tensor branch = parts.get(i).apply(normalized);
      Normalization.Residual next = norms.get(i + 1).add(branch, sum, p, seed(p));
      sum = next.sum();
      normalized = next.normalized();
    }
    Tensor branch = parts.get(parts.size() - 1).apply(normalized);
    return Pointwise.add(sum, dropped(branch, p));
  }

  /** The attention of the sequence to itself. */
  final Tensor attend(Tensor x, AttentionOptions attention) {
    return selfAttention.call(x, in -> selfAttention.forward(in, attention));
  }

  /** The part that works on each position by itself. */
  final Tensor feedForward(Tensor x) {
    Tensor hidden = options.activation().apply(linear1.call(x));
    return linear2.call(dropped(hidden, isTraining() ? options.dropout() : 0));
  }

  private Tensor dropped(Tensor x, double p) {
    return p == 0 ? x : Random.dropout(x, p, draws.next());
  }

  private Seed seed(double p) {
    return p == 0 ? null : draws.next();
  }

  @Override
  protected final String settings() {
    return options.settings();
  }
}
