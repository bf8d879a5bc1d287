package io.gradus.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The seeds that a part of a computation draws, so that it can be computed again with the same
 * ones; for the packages of Gradus.
 */
public final class RepeatedDraws {

  private static final ThreadLocal<RepeatedDraws> CURRENT = new ThreadLocal<>();

  private final List<Seed> drawn = new ArrayList<>();
  private RepeatedDraws around; // what was current when this one began
  private int next = -1; // negative while they are drawn for the first time

  /** Computes the part for the first time. */
  public <T> T first(Supplier<T> part) {
    return run(-1, part);
  }

  /** Computes it again. */
  public <T> T again(Supplier<T> part) {
    return run(0, part);
  }

  private <T> T run(int from, Supplier<T> part) {
    around = CURRENT.get();
    next = from;
    CURRENT.set(this);
    try {
      return part.get();
    } finally {
      CURRENT.set(around);
    }
  }

  /** What is drawn: the seed of the first time, or a fresh one. */
  static Seed draw(Supplier<Seed> fresh) {
    RepeatedDraws current = CURRENT.get();
    return current == null ? fresh.get() : current.take(fresh);
  }

  private Seed take(Supplier<Seed> fresh) {
    if (next < 0) {
      Seed seed = around == null ? fresh.get() : around.take(fresh);
      drawn.add(seed);
      return seed;
    }
    if (next == drawn.size()) {
      throw new IllegalStateException(
          "checkpoint: the part draws more random numbers than at first: "
              + drawn.size()
              + "; it must do the same each time");
    }
    return drawn.get(next++);
  }
}
