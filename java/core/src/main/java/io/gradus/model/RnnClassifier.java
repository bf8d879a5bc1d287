package io.gradus.model;

import io.gradus.nn.Activation;
import io.gradus.nn.Dropout;
import io.gradus.nn.Embedding;
import io.gradus.nn.Gru;
import io.gradus.nn.Linear;
import io.gradus.nn.Lstm;
import io.gradus.nn.Module;
import io.gradus.nn.RecurrentLayers;
import io.gradus.nn.RecurrentOptions;
import io.gradus.nn.RecurrentOutput;
import io.gradus.nn.Rnn;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * A recurrent network that tells sequences of several classes apart: from tokens {@code (batch,
 * time)}, I32 or I64, to scores {@code (batch, classes)}. Tokens become vectors, recurrent layers
 * go along them, and a linear layer reads the last state or the mean of all.
 *
 * <p>Its parameters are {@code embedding.weight (vocabulary, width)}, those of {@code rnn}, such as
 * {@code rnn.weight_ih_l0} (see {@link RecurrentLayers}), and {@code head.weight} and {@code
 * head.bias}.
 */
public final class RnnClassifier extends Module {

  private final RnnClassifierConfig config;
  private final Embedding embedding;
  private final RecurrentLayers rnn;
  private final Dropout dropout;
  private final Linear head;

  /** Equal seeds give equal parameters. */
  public RnnClassifier(RnnClassifierConfig config, Device device, Seed seed) {
    this.config = config;
    embedding =
        child(
            "embedding", new Embedding(config.vocabulary(), config.width(), device, seed.split(0)));
    RecurrentOptions options =
        new RecurrentOptions(config.layers(), config.bidirectional(), config.dropout(), true);
    rnn = child("rnn", layers(config, options, device, seed.split(1)));
    dropout = child("dropout", new Dropout(config.dropout(), seed.split(2)));
    head = child("head", new Linear(rnn.outputSize(), config.classes(), device, seed.split(3)));
  }

  private static RecurrentLayers layers(
      RnnClassifierConfig config, RecurrentOptions options, Device device, Seed seed) {
    int width = config.width();
    int hidden = config.hidden();
    return switch (config.cell()) {
      case RNN -> new Rnn(width, hidden, Activation.TANH, options, device, seed);
      case LSTM -> new Lstm(width, hidden, options, device, seed);
      case GRU -> new Gru(width, hidden, options, device, seed);
    };
  }

  /** What it is made of. */
  public RnnClassifierConfig config() {
    return config;
  }

  @Override
  public Tensor forward(Tensor tokens) {
    return forward(tokens, null);
  }

  /**
   * The scores of sequences that may differ in length.
   *
   * @param lengths how many tokens of each row count, I32 {@code (batch)}, at least 1; null for all
   */
  public Tensor forward(Tensor tokens, Tensor lengths) {
    if (tokens.rank() != 2) {
      throw new IllegalArgumentException(
          "rnn classifier: needs tokens (batch, time): " + tokens.shape());
    }
    Tensor x = dropout.call(embedding.call(tokens));
    RecurrentOutput states = rnn.call(x, in -> rnn.forward(in, lengths), RecurrentOutput::y);
    Tensor pooled =
        config.pooling() == RnnClassifierConfig.Pooling.LAST
            ? last(states.h())
            : mean(states.y(), lengths);
    return head.call(dropout.call(pooled));
  }

  /** The last layer's states, one direction beside the other. */
  private Tensor last(Tensor h) {
    long directions = rnn.outputSize() / rnn.size();
    Tensor own = Shapes.slice(h, h.dim(0) - directions, h.dim(0)); // (directions, batch, size)
    return Shapes.reshape(Shapes.transpose(own, 0, 1), h.dim(1), rnn.outputSize());
  }

  /** Behind its end a sequence gives 0, so that the sum is that of the times that count. */
  private static Tensor mean(Tensor y, Tensor lengths) {
    if (lengths == null) {
      return Reductions.mean(y, 1);
    }
    Tensor counts = Pointwise.cast(lengths, y.dtype());
    Tensor inside = Pointwise.clamp(counts, 1, Math.max(1, y.dim(1)));
    return Pointwise.div(Reductions.sum(y, 1), Shapes.reshape(inside, y.dim(0), 1));
  }
}
