package io.gradus.optim;

import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** What an optimizer remembers under one name of the parameters of a flat buffer. */
final class FlatState {

  /** Where a parameter's part begins, and its shape. */
  private record Part(long first, Shape shape) {}

  private final Map<Tensor, Part> parts = new IdentityHashMap<>();
  private final Tensor values;

  FlatState(Slot slot, List<Tensor> parameters) {
    long size = 0;
    for (Tensor parameter : parameters) {
      Shape shape = slot.shape().apply(parameter.shape());
      if (shape != null) {
        parts.put(parameter, new Part(size, shape));
        size += shape.size();
      }
    }
    Tensor any = parameters.get(0);
    values = Tensor.full(slot.first(), Shape.of(size), DType.F32, any.device());
  }

  /** Where the numbers of the first parameter are, before those of the others. */
  long address() {
    return values.address();
  }

  /** Where a parameter's numbers are; 0 where there are none. */
  long addressOf(Tensor parameter) {
    Part part = parts.get(parameter);
    return part == null ? 0 : values.address() + part.first() * DType.F32.bytes();
  }

  /** A parameter's part, sharing memory; null where there is none. */
  Tensor of(Tensor parameter) {
    Part part = parts.get(parameter);
    return part == null ? null : values.view(part.shape(), part.first());
  }

  /** Copies what another one, of the same name, has of these parameters. */
  void copyFrom(FlatState other) {
    for (Tensor parameter : parts.keySet()) {
      try (Tensor to = of(parameter);
          Tensor from = other.of(parameter)) {
        to.copyFrom(from);
      }
    }
  }

  void close() {
    values.close();
  }
}
