package io.gradus.tensor;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The seeds that a thread draws while a step is captured, and those that it splits from them, so
 * that each replay can draw its own; for the packages of Gradus.
 */
public final class SeedTrace implements AutoCloseable {

  private static final ThreadLocal<SeedTrace> CURRENT = new ThreadLocal<>();

  /** How a seed came about: drawn, or as a part of an earlier one. */
  private record Origin(Supplier<Seed> draw, int whole, long index) {}

  private final List<Origin> origins = new ArrayList<>();
  private final List<Seed> seeds = new ArrayList<>();
  private final Map<Seed, Integer> numbers = new HashMap<>();

  private SeedTrace() {}

  /** Follows this thread's draws until it is closed. */
  public static SeedTrace start() {
    SeedTrace trace = new SeedTrace();
    CURRENT.set(trace);
    return trace;
  }

  /** Draws a seed that is another one each time. */
  public static Seed draw(Supplier<Seed> draw) {
    return RepeatedDraws.draw(() -> fresh(draw));
  }

  private static Seed fresh(Supplier<Seed> draw) {
    Seed seed = draw.get();
    SeedTrace trace = CURRENT.get();
    if (trace != null) {
      trace.add(seed, new Origin(draw, -1, 0));
    }
    return seed;
  }

  /** Notes that a seed was split from another. */
  static Seed part(Seed whole, long index, Seed part) {
    SeedTrace trace = CURRENT.get();
    if (trace != null && trace.numbers.containsKey(whole)) {
      trace.add(part, new Origin(null, trace.numbers.get(whole), index));
    }
    return part;
  }

  private void add(Seed seed, Origin origin) {
    if (numbers.putIfAbsent(seed, seeds.size()) == null) {
      seeds.add(seed);
      origins.add(origin);
    }
  }

  /** The seeds of the step that was followed, in the order in which they came about. */
  public long[] values() {
    return seeds.stream().mapToLong(Seed::value).toArray();
  }

  /** The seeds of the next step, in the same order. */
  public long[] redraw() {
    long[] values = new long[origins.size()];
    for (int i = 0; i < values.length; i++) {
      Origin origin = origins.get(i);
      Seed seed =
          origin.draw() != null
              ? origin.draw().get()
              : Seed.of(values[origin.whole()]).split(origin.index());
      values[i] = seed.value();
    }
    return values;
  }

  @Override
  public void close() {
    CURRENT.remove();
  }
}
