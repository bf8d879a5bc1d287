package io.gradus.data;

/**
 * Threads that read the batches of an epoch before they are asked for. They end when all are read,
 * or when told to stop, and the last one to go closes what nobody has taken.
 */
final class Prefetch {

  private final EpochReader reader;
  private final long count;
  private final Object[] ready; // by number, modulo its length: a Batch, or what its reading threw
  private final Thread[] threads;
  private long next; // the first that no thread has begun to read
  private long taken; // the first that was not asked for
  private boolean stopped;
  private int running;

  /**
   * @param ahead how many may be there or being read before they are asked for
   */
  Prefetch(EpochReader reader, long from, long count, int threads, int ahead) {
    this.reader = reader;
    this.count = count;
    this.next = from;
    this.taken = from;
    this.ready = new Object[ahead];
    this.threads = new Thread[(int) Math.min(threads, count - from)];
    this.running = this.threads.length;
    for (int i = 0; i < this.threads.length; i++) {
      this.threads[i] = new Thread(this::run, "gradus-data-" + i);
      this.threads[i].setDaemon(true);
    }
  }

  void start() {
    for (Thread thread : threads) {
      thread.start();
    }
  }

  private void run() {
    for (long number = begin(); number >= 0; number = begin()) {
      Object result;
      try {
        result = reader.read(number);
      } catch (Throwable e) {
        result = e; // for next(), whatever it is
      }
      end(number, result);
    }
  }

  /** The number to read; -1 where there is nothing more to do. */
  private synchronized long begin() {
    try {
      while (!stopped && next < count && next >= taken + ready.length) {
        wait();
      }
      if (!stopped && next < count) {
        return next++;
      }
    } catch (InterruptedException e) {
      stopped = true; // nobody of ours interrupts them: the application wants its threads to end
      notifyAll();
    }
    if (--running == 0 && stopped) {
      closeReady();
    }
    return -1;
  }

  private synchronized void end(long number, Object result) {
    ready[(int) (number % ready.length)] = result;
    if (result instanceof Throwable) {
      next = count;
    }
    notifyAll();
  }

  /** Waits for the batch of this number, which follows the one before, or for what went wrong. */
  synchronized Object take(long number) {
    int slot = (int) (number % ready.length);
    try {
      while (ready[slot] == null && !stopped) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (ready[slot] == null) {
      return new IllegalStateException(
          "batches: interrupted before batch " + number + " was read; begin the epoch again there");
    }
    Object result = ready[slot];
    ready[slot] = null;
    taken = number + 1;
    notifyAll();
    return result;
  }

  /** Lets the threads end once they have read what they are at. */
  synchronized void stop() {
    stopped = true;
    if (running == 0) {
      closeReady();
    }
    notifyAll();
  }

  /** Stops the threads and waits for their end, but not where this thread is interrupted. */
  void close() {
    stop();
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeReady() {
    for (int i = 0; i < ready.length; i++) {
      if (ready[i] instanceof Batch batch) {
        batch.close();
      }
      ready[i] = null;
    }
  }
}
