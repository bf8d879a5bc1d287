package io.gradus.autograd;

import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A step that is captured the first time it meets inputs of a shape, and replayed from then on.
 *
 * <pre>{@code
 * CapturedStep step = CapturedStep.of(in -> train(in[0], in[1]));
 * for (Batch batch : batches) {
 *   Tensor loss = step.run(batch.inputs(), batch.targets());
 * }
 * }</pre>
 *
 * <p>What {@link Graph} says of steps holds here. A graph is kept for each of the shapes met last;
 * one whose memory was freed, as when a parameter was frozen, is captured anew. Not for several
 * threads at once.
 */
public final class CapturedStep implements AutoCloseable {

  private static final int SHAPES = 8;

  private record Kind(Shape shape, DType type) {}

  private final Graph.Step step;
  private final int most;

  /** Those used last stand last. */
  private final Map<List<Kind>, Graph> graphs = new LinkedHashMap<>(16, 0.75f, true);

  private boolean failed; // the latest capture

  private CapturedStep(Graph.Step step, int most) {
    this.step = step;
    this.most = most;
  }

  /** A step for up to 8 shapes of its inputs. */
  public static CapturedStep of(Graph.Step step) {
    return of(step, SHAPES);
  }

  /**
   * A step for so many shapes of its inputs at a time.
   *
   * @throws IllegalArgumentException where {@code shapes} is not positive
   */
  public static CapturedStep of(Graph.Step step, int shapes) {
    if (shapes < 1) {
      throw new IllegalArgumentException("captured step: there must be a shape: " + shapes);
    }
    return new CapturedStep(step, shapes);
  }

  /**
   * Runs the step.
   *
   * @return its result; the same tensor, with other values, in each step with inputs of this shape
   */
  public Tensor run(Tensor... inputs) {
    List<Kind> kinds = new ArrayList<>();
    for (Tensor input : inputs) {
      kinds.add(new Kind(input.shape(), input.dtype()));
    }
    Graph graph = graphs.get(kinds);
    if (graph != null && !graph.isStale()) {
      return graph.replay(inputs);
    }
    if (graph != null) {
      graphs.remove(kinds).close();
    } else if (graphs.size() == most) {
      var oldest = graphs.entrySet().iterator();
      oldest.next().getValue().close();
      oldest.remove();
    }
    return capture(kinds, inputs);
  }

  /**
   * A step that cannot be recorded has run all the same. This happens once where an optimizer lays
   * out its parameters anew; a second time in a row it is the step's own fault.
   */
  private Tensor capture(List<Kind> kinds, Tensor[] inputs) {
    Graph.Attempt attempt = Graph.attempt(step, inputs);
    if (attempt.graph() != null) {
      graphs.put(kinds, attempt.graph());
    } else if (failed) {
      throw attempt.failure();
    }
    failed = attempt.graph() == null;
    return attempt.result();
  }

  /** How many graphs it keeps. */
  public int size() {
    return graphs.size();
  }

  /** Frees its graphs; it can be used again. */
  @Override
  public void close() {
    graphs.values().forEach(Graph::close);
    graphs.clear();
  }
}
