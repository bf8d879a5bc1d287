package io.gradus.nn;

import io.gradus.tensor.Seed;
import io.gradus.tensor.SeedTrace;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The seeds of a module's random draws, another one for each forward pass. Where a run stopped and
 * goes on, {@link #resume} makes it draw what it would have drawn.
 */
public final class Draws {

  private volatile Seed seed;

  /** Atomic, since the threads of a data-parallel step share the model. */
  private final AtomicLong position = new AtomicLong();

  /** Seeds that follow from one. */
  public Draws(Seed seed) {
    this.seed = seed;
  }

  /** The seed of the next draw; in a graph, another one in each replay. */
  public Seed next() {
    return SeedTrace.draw(() -> seed.split(position.getAndIncrement()));
  }

  /** How many were drawn. */
  public long position() {
    return position.get();
  }

  /** What the seeds follow from. */
  public Seed seed() {
    return seed;
  }

  /** Goes on as others do that follow from this seed, after this many. */
  public void resume(Seed seed, long drawn) {
    this.seed = seed;
    position.set(drawn);
  }
}
