package io.gradus.data;

import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;

/**
 * Examples for one step.
 *
 * @param inputs (batch, ...)
 * @param targets (batch) or (batch, ...)
 * @param lengths I32 (batch): how far the sequences of a padded batch go; null where all examples
 *     are of one size
 */
public record Batch(Tensor inputs, Tensor targets, Tensor lengths) implements AutoCloseable {

  /** Examples of one size. */
  public Batch(Tensor inputs, Tensor targets) {
    this(inputs, targets, null);
  }

  /** The number of examples. */
  public long size() {
    return inputs.dim(0);
  }

  /** The same examples on a device: these tensors where they are there, else copies. */
  public Batch to(Device device) {
    return new Batch(
        inputs.to(device), targets.to(device), lengths == null ? null : lengths.to(device));
  }

  /** Frees the tensors now. Never needed: {@link Batches} does it when a loop goes on. */
  @Override
  public void close() {
    inputs.close();
    targets.close();
    if (lengths != null) {
      lengths.close();
    }
  }
}
