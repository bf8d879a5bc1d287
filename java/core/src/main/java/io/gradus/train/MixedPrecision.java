package io.gradus.train;

import io.gradus.autograd.Autocast;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.util.List;

/** An objective computed in mixed precision. */
record MixedPrecision<B>(Objective<B> inner, DType type) implements Objective<B> {

  @Override
  public List<Tensor> tensors(B batch) {
    return inner.tensors(batch);
  }

  @Override
  @SuppressWarnings("try") // it only has to close
  public Outcome compute(List<Tensor> tensors) {
    try (Autocast autocast = Autocast.to(type)) {
      return inner.compute(tensors);
    }
  }

  @Override
  public long weight(B batch) {
    return inner.weight(batch);
  }
}
