package io.gradus.nn;

import io.gradus.op.Indexing;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * A vector for each of a number of things, such as the tokens of a vocabulary: from indices {@code
 * (...)} to {@code (..., size)}. Its parameter is {@code weight (count, size)}, normal at first, as
 * in PyTorch.
 */
public final class Embedding extends Module {

  private final Tensor weight;

  /** {@code count} vectors of a size. */
  public Embedding(long count, long size, Device device, Seed seed) {
    if (count < 1 || size < 1) {
      throw new IllegalArgumentException(
          "embedding: sizes must be positive: " + count + " vectors of " + size);
    }
    weight = parameter("weight", () -> Init.normal(Shape.of(count, size), 0, 1, seed, device));
  }

  @Override
  public Tensor forward(Tensor indices) {
    return Indexing.embedding(indices, weight);
  }

  /**
   * The sums of the vectors of tokens and of those of their places, in one pass.
   *
   * @param tokens {@code (..., time)}
   * @param places of the tokens' shape; null for 0, 1, 2 ... along the last axis
   * @param positions has the vectors of places
   */
  public Tensor forward(Tensor tokens, Tensor places, Embedding positions) {
    return positions.call(tokens, in -> Indexing.embedding(in, weight, places, positions.weight));
  }

  /** The vectors, {@code (count, size)}. */
  public Tensor weight() {
    return weight;
  }

  @Override
  protected String settings() {
    return "count=" + weight.dim(0) + ", size=" + weight.dim(1);
  }
}
