package io.gradus.nn;

import io.gradus.tensor.Tensor;
import java.util.List;

/** Parts of one kind, named by their numbers: {@code 0}, {@code 1}, and so on. */
public final class ModuleList<M extends Module> extends Module {

  private final List<M> parts;

  /** These parts, in their order. */
  public ModuleList(List<M> parts) {
    this.parts = List.copyOf(parts);
    for (int i = 0; i < parts.size(); i++) {
      child(Integer.toString(i), parts.get(i));
    }
  }

  /** A part by its number. */
  public M get(int i) {
    return parts.get(i);
  }

  /** The number of parts. */
  public int size() {
    return parts.size();
  }

  /** One part after the other. */
  @Override
  public Tensor forward(Tensor x) {
    Tensor y = x;
    for (M part : parts) {
      y = part.call(y);
    }
    return y;
  }
}
