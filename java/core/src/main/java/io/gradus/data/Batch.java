package io.gradus.data;

import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;

/**
 * Examples for one step.
 *
 * @param inputs (batch, ...)
 * @param targets (batch) or (batch, ...)
 */
public record Batch(Tensor inputs, Tensor targets) implements AutoCloseable {

  /** The number of examples. */
  public long size() {
    return inputs.dim(0);
  }

  /** The same examples on a device: these tensors where they are there, else copies. */
  public Batch to(Device device) {
    return new Batch(inputs.to(device), targets.to(device));
  }

  /** Frees both tensors now. Never needed: {@link Batches} does it when a loop goes on. */
  @Override
  public void close() {
    inputs.close();
    targets.close();
  }
}
