package io.gradus.benchmarks.pure;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

/**
 * A fixed pool whose caller works too. Workers spin for some 50 µs before they sleep: an executor's
 * hand-over costs more than a small layer's whole product, and the rival should not lose by that.
 */
public final class Workers implements AutoCloseable {
  private static final int SPINS = 4_000;

  private final Thread[] threads;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger busy = new AtomicInteger();
  private volatile Job job;
  private volatile boolean closed;

  private record Job(int parts, IntConsumer work) {}

  public Workers(int size) {
    threads = new Thread[size - 1];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = new Thread(this::serve, "pure-worker-" + i);
      threads[i].setDaemon(true);
      threads[i].start();
    }
  }

  public int size() {
    return threads.length + 1;
  }

  /** Calls {@code work} once for each part, and returns when all have returned. */
  public void run(int parts, IntConsumer work) {
    if (parts == 1 || threads.length == 0) {
      for (int part = 0; part < parts; part++) {
        work.accept(part);
      }
      return;
    }
    next.set(0);
    busy.set(threads.length);
    job = new Job(parts, work);
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
    drain(parts, work);
    while (busy.get() > 0) {
      Thread.onSpinWait();
    }
  }

  private void serve() {
    Job last = null;
    while (true) {
      last = await(last);
      if (last == null) {
        return;
      }
      drain(last.parts, last.work);
      busy.decrementAndGet();
    }
  }

  private Job await(Job last) {
    int spins = 0;
    while (!closed) {
      Job seen = job;
      if (seen != last) {
        return seen;
      }
      if (++spins < SPINS) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
      }
    }
    return null;
  }

  private void drain(int parts, IntConsumer work) {
    for (int part = next.getAndIncrement(); part < parts; part = next.getAndIncrement()) {
      work.accept(part);
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
  }
}
