package io.gradus.model;

import io.gradus.nn.Dropout;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * A {@link Bert} that tells texts of several classes apart: from tokens {@code (batch, time)} to
 * scores {@code (batch, classes)}. Its parameters are those of {@code bert} and of {@code head}, a
 * linear layer.
 */
public final class BertClassifier extends Module {

  private final Bert bert;
  private final Dropout dropout;
  private final Linear head;

  /** Equal seeds give equal parameters. */
  public BertClassifier(BertConfig config, int classes, Device device, Seed seed) {
    bert = child("bert", new Bert(config, device, seed.split(0)));
    dropout = child("dropout", new Dropout(config.dropout(), seed.split(1)));
    head = child("head", new Linear(config.width(), classes, device, seed.split(2)));
  }

  /** The encoder. */
  public Bert bert() {
    return bert;
  }

  @Override
  public Tensor forward(Tensor tokens) {
    return forward(tokens, null, null);
  }

  /** The scores of sequences that may differ in length; see {@link Bert#forward}. */
  public Tensor forward(Tensor tokens, Tensor typeIds, Tensor lengths) {
    return head.call(dropout.call(bert.call(tokens, in -> bert.pooled(in, typeIds, lengths))));
  }
}
