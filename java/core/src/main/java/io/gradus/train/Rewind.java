package io.gradus.train;

import io.gradus.nn.Draws;
import io.gradus.nn.Module;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What a forward pass changes in a model, its running means and how many random numbers it drew, so
 * that a step that went wrong can be undone, and made again as it was.
 */
final class Rewind {

  private final List<Tensor> buffers;
  private final List<Tensor> before;
  private final Map<Draws, Long> positions = new LinkedHashMap<>();

  Rewind(Module model) {
    this.buffers = List.copyOf(model.buffers().values());
    this.before = Scope.outside(() -> buffers.stream().map(Tensor::emptyLike).toList());
    model.draws().values().forEach(draws -> positions.put(draws, draws.position()));
  }

  /** Remembers how many random numbers were drawn; in Java, for it is not the same in each step. */
  void markDraws() {
    positions.replaceAll((draws, position) -> draws.position());
  }

  /** Remembers the buffers; in kernels, which a graph makes again in each step. */
  void markBuffers() {
    for (int i = 0; i < buffers.size(); i++) {
      before.get(i).copyFrom(buffers.get(i));
    }
  }

  void undoBuffers() {
    for (int i = 0; i < buffers.size(); i++) {
      buffers.get(i).copyFrom(before.get(i));
    }
  }

  /** Lets what was drawn since be drawn again. */
  void undoDraws() {
    positions.forEach((draws, position) -> draws.resume(draws.seed(), position));
  }

  /** Runs code that draws again what was drawn since; what is drawn later is not touched by it. */
  <T> T repeatDraws(Supplier<T> code) {
    Map<Draws, Long> here = new LinkedHashMap<>();
    positions.forEach(
        (draws, position) -> {
          here.put(draws, draws.position());
          draws.resume(draws.seed(), position);
        });
    try {
      return code.get();
    } finally {
      here.forEach((draws, position) -> draws.resume(draws.seed(), position));
    }
  }

  void close() {
    before.forEach(Tensor::close);
  }
}
