package io.gradus.optim;

import io.gradus.autograd.Graph;
import io.gradus.nn.Module;
import io.gradus.tensor.DType;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A second set of a model's parameters and buffers, into which they are averaged during training
 * and which takes their place when the model is to be at its best.
 *
 * <p>Parameters of one type and device lie in one flat buffer, as they do in an optimizer's: where
 * both have them in the same order, an average is one call over all of them.
 */
public abstract sealed class Averaged permits ExponentialMovingAverage, StochasticWeightAverage {

  /** A tensor of the model and its average. */
  private record Pair(Tensor of, Tensor average) {}

  private final String name;
  private final Map<String, Pair> parameters = new LinkedHashMap<>();
  private final Map<String, Pair> buffers = new LinkedHashMap<>();
  private long updates;
  private boolean swapped;

  Averaged(String name, Module model) {
    this.name = name;
    collect(model.parameters().asMap(), parameters);
    collect(model.buffers(), buffers);
  }

  /** Copies of all, those of one type and device in one block. */
  private static void collect(Map<String, Tensor> tensors, Map<String, Pair> into) {
    Map<Object, List<Map.Entry<String, Tensor>>> groups = new LinkedHashMap<>();
    tensors
        .entrySet()
        .forEach(
            item ->
                groups
                    .computeIfAbsent(
                        List.of(item.getValue().dtype(), item.getValue().device()),
                        group -> new ArrayList<>())
                    .add(item));
    for (var group : groups.values()) {
      long size = group.stream().mapToLong(item -> item.getValue().size()).sum();
      Tensor any = group.get(0).getValue();
      Tensor block = Scope.outside(() -> Tensor.empty(Shape.of(size), any.dtype(), any.device()));
      long first = 0;
      for (var item : group) {
        Tensor of = item.getValue();
        long at = first;
        Tensor average = Scope.outside(() -> block.view(of.shape(), at));
        average.copyFrom(of);
        into.put(item.getKey(), new Pair(of, average));
        first += of.size();
      }
    }
  }

  // Averaging

  /**
   * Averages the model as it is at present, as after an optimizer's step. In a step that is
   * captured it is made again with each replay.
   *
   * @throws IllegalStateException while the averages are swapped in
   */
  public final void update() {
    if (swapped) {
      throw new IllegalStateException(name + ": the averages are in the model: swap back first");
    }
    List<Pair> all = new ArrayList<>(parameters.values());
    List<Pair> copied = new ArrayList<>();
    for (Pair pair : buffers.values()) {
      (averagesBuffers() && isFloating(pair.of()) ? all : copied).add(pair);
    }
    runs(all).forEach(this::average);
    runs(copied).forEach(run -> run.average().copyFrom(run.of()));
    Graph.afterStep(() -> updates++);
  }

  private static boolean isFloating(Tensor x) {
    return x.dtype() == DType.F32 || x.dtype() == DType.BF16 || x.dtype() == DType.F16;
  }

  /** Whether buffers are averaged as parameters are; else they are copied. */
  abstract boolean averagesBuffers();

  /** How much of the average of {@code updates} models the next one takes the place of. */
  abstract double weight(long updates);

  /** {@code average += weight · (x - average)}. */
  private void average(Pair run) {
    Tensor x = run.of();
    Tensor average = run.average();
    try (Tensor change = Tensor.emptyLike(x)) {
      long from = x.address();
      long to = average.address();
      long by = change.address();
      long n = x.size();
      int type = x.typeCode();
      var backend = x.backend();
      Graph.everyStep(
          x.device(),
          () -> {
            double weight = weight(updates);
            backend.affine(type, from, by, n, weight, -0.0);
            backend.affine(type, to, to, n, 1 - weight, -0.0);
            backend.add(type, to, by, to, n, null);
          });
    }
  }

  /** Pairs that lie one after the other in both places, each such run as one. */
  private static List<Pair> runs(List<Pair> pairs) {
    List<Pair> runs = new ArrayList<>();
    for (int i = 0; i < pairs.size(); ) {
      Pair first = pairs.get(i);
      Pair last = first;
      long size = first.of().size();
      for (i++; i < pairs.size() && follows(pairs.get(i), last); i++) {
        last = pairs.get(i);
        size += last.of().size();
      }
      runs.add(new Pair(whole(first.of(), size), whole(first.average(), size)));
    }
    return runs;
  }

  private static boolean follows(Pair next, Pair last) {
    return follows(next.of(), last.of()) && follows(next.average(), last.average());
  }

  private static boolean follows(Tensor next, Tensor last) {
    return next.sharesMemoryWith(last) && next.blockOffset() == last.blockOffset() + last.size();
  }

  private static Tensor whole(Tensor first, long size) {
    return first.block().view(Shape.of(size), first.blockOffset());
  }

  // Using it

  /** Puts a model's own values back when it is closed. */
  public interface Swap extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Puts the averages into the model, and its own values here until the swap is closed:
   *
   * <pre>{@code
   * try (var swap = average.swap()) {
   *   accuracy = evaluate(model);
   * }
   * }</pre>
   *
   * @throws IllegalStateException where they are swapped already
   */
  public final Swap swap() {
    if (swapped) {
      throw new IllegalStateException(name + ": the averages are in the model already");
    }
    exchange();
    return () -> {
      if (swapped) {
        exchange();
      }
    };
  }

  private void exchange() {
    for (Pair run : runs(all())) {
      try (Tensor own = run.of().copy()) {
        run.of().copyFrom(run.average());
        run.average().copyFrom(own);
      }
    }
    swapped = !swapped;
  }

  private List<Pair> all() {
    List<Pair> all = new ArrayList<>(parameters.values());
    all.addAll(buffers.values());
    return all;
  }

  /** Copies the averages into the model for good, as at the end of training. */
  public final void copyToModel() {
    for (Pair run : runs(all())) {
      if (swapped) {
        run.average().copyFrom(run.of()); // where they are already, and not to be swapped back
      } else {
        run.of().copyFrom(run.average());
      }
    }
    swapped = false;
  }

  // For checkpoints

  /** How many models were averaged. */
  public final long updates() {
    return updates;
  }

  /**
   * The averages by the names of parameters and buffers. They share memory: to write them is to
   * change them.
   */
  public final Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    parameters.forEach((key, pair) -> state.put(key, pair.average()));
    buffers.forEach((key, pair) -> state.put(key, pair.average()));
    return state;
  }

  /**
   * Counts as another one did. With its {@link #state()} copied into this one's it goes on as that
   * one would have.
   */
  public final void restore(long updates) {
    if (updates < 0) {
      throw new IllegalArgumentException(
          name + ": the number of updates must not be negative: " + updates);
    }
    this.updates = updates;
  }
}
