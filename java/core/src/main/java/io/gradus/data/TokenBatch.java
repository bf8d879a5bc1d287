package io.gradus.data;

import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;

/**
 * Token ids for one step of a language model.
 *
 * @param inputs I32 (batch, time)
 * @param targets I32 (batch, time): the token that follows each input; -100 where there is none
 * @param documents I32 (batch, time): a number for each document in a row, equal for its tokens;
 *     null where each row is one
 * @param positions I32 (batch, time): the place of each token in its document; null where a row is
 *     one document
 */
public record TokenBatch(Tensor inputs, Tensor targets, Tensor documents, Tensor positions)
    implements AutoCloseable {

  /** Rows of one document each. */
  public TokenBatch(Tensor inputs, Tensor targets) {
    this(inputs, targets, null, null);
  }

  /** The number of tokens. */
  public long size() {
    return inputs.size();
  }

  /** The same tokens on a device: these tensors where they are there, else copies. */
  public TokenBatch to(Device device) {
    return new TokenBatch(
        inputs.to(device),
        targets.to(device),
        documents == null ? null : documents.to(device),
        positions == null ? null : positions.to(device));
  }

  /** Frees the tensors now. */
  @Override
  public void close() {
    inputs.close();
    targets.close();
    if (documents != null) {
      documents.close();
      positions.close();
    }
  }
}
