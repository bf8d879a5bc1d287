package io.gradus.tensor;

import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Frees native memory whose Java owner the garbage collector has found unreachable. The queue is
 * emptied by whoever allocates next, so that memory comes back where it is needed and a device is
 * only ever called from threads that use it.
 */
final class Reclaimer {

  private static final ReferenceQueue<Object> QUEUE = new ReferenceQueue<>();

  /** So long the marker of a collection is waited for: where explicit ones are off, none comes. */
  private static final long MARKER_NANOS = 500_000_000;

  private static final Set<Claim> CLAIMS = ConcurrentHashMap.newKeySet();

  /** What to do when an object has become unreachable. */
  static final class Claim extends PhantomReference<Object> {
    private final Runnable free;

    private Claim(Object owner, Runnable free) {
      super(owner, QUEUE);
      this.free = free;
    }

    /** Forgets the claim: the memory was freed, or went to another owner. */
    void cancel() {
      CLAIMS.remove(this);
      clear();
    }

    private void settle() {
      if (CLAIMS.remove(this)) {
        free.run();
      }
    }
  }

  private Reclaimer() {}

  /** Calls {@code free}, which must not refer to the owner, once the owner is unreachable. */
  static Claim claim(Object owner, Runnable free) {
    Claim claim = new Claim(owner, free);
    CLAIMS.add(claim);
    return claim;
  }

  /** Frees what the collector has found so far. */
  static void drain() {
    while (settle(QUEUE.poll())) {}
  }

  /**
   * Runs the collector and frees what it finds. References reach the queue from another thread some
   * time after the collection: a marker that dies in it shows that they are on their way, and the
   * queue counts as empty when none has come for a while.
   */
  static void collect() {
    Claim marker = claim(new Object(), () -> {});
    System.gc();
    try {
      long deadline = System.nanoTime() + MARKER_NANOS;
      while (CLAIMS.contains(marker) && System.nanoTime() < deadline) {
        settle(QUEUE.remove(10));
      }
      while (settle(QUEUE.remove(2))) {}
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    marker.cancel();
    drain();
  }

  private static boolean settle(Reference<?> claim) {
    if (claim != null) {
      ((Claim) claim).settle();
    }
    return claim != null;
  }
}
