package io.gradus.data;

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

  /** Frees both tensors now. Never needed: {@link Batches} does it when a loop goes on. */
  @Override
  public void close() {
    inputs.close();
    targets.close();
  }
}
