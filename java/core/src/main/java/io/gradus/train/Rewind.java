package io.gradus.train;

import io.gradus.nn.Draws;
import io.gradus.nn.Module;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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

  /** Draws again what was drawn since; how many were drawn until here. */
  List<Long> undoDraws() {
    List<Long> here = new ArrayList<>();
    positions.forEach(
        (draws, position) -> {
          here.add(draws.position());
          draws.resume(draws.seed(), position);
        });
    return here;
  }

  void close() {
    before.forEach(Tensor::close);
  }
}
