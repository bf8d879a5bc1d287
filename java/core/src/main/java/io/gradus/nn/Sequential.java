package io.gradus.nn;

import io.gradus.autograd.Tape;
import io.gradus.tensor.Tensor;
import java.util.List;

/** Modules one behind the other, named {@code 0}, {@code 1}, ... in their order. */
public class Sequential extends Module implements Checkpointed {

  private final List<Module> layers;
  private boolean checkpointing;

  /** The layers in order; with none, the output is the input. */
  public Sequential(Module... layers) {
    this(List.of(layers));
  }

  /** The layers in order. */
  @SuppressWarnings("this-escape") // a lint of later JDKs; child only stores
  public Sequential(List<? extends Module> layers) {
    this.layers = List.copyOf(layers);
    for (int i = 0; i < this.layers.size(); i++) {
      child(Integer.toString(i), this.layers.get(i));
    }
  }

  @Override
  public Tensor forward(Tensor x) {
    Tensor y = x;
    for (Module layer : layers) {
      y = checkpointing ? Tape.checkpoint(y, layer::call) : layer.call(y);
    }
    return y;
  }

  @Override
  public final void checkpointing(boolean on) {
    checkpointing = on;
  }

  /** The layers in order. */
  public List<Module> layers() {
    return layers;
  }
}
