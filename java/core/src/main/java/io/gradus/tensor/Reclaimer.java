package io.gradus.tensor;

import java.lang.ref.PhantomReference;
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
    for (Claim claim = (Claim) QUEUE.poll(); claim != null; claim = (Claim) QUEUE.poll()) {
      claim.settle();
    }
  }

  /** Runs the collector and frees what it finds. */
  static void collect() {
    System.gc();
    try {
      // References reach the queue from another thread shortly after the collection: take them
      // until
      // none has come for a while.
      for (Claim claim = (Claim) QUEUE.remove(50); claim != null; claim = (Claim) QUEUE.remove(2)) {
        claim.settle();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    drain();
  }
}
