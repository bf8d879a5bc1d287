package io.gradus.tensor;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.function.BooleanSupplier;

/** Waits for what the garbage collector will do, which it does in its own time. */
public final class Garbage {

  private Garbage() {}

  /**
   * Frees what earlier tests left to the collector.
   *
   * @return the bytes that are still in use on the CPU
   */
  public static long settle() {
    long used = -1;
    // What was found to be garbage is handed over by another thread, which may take its time.
    for (int quiet = 0; quiet < 3; ) {
      Reclaimer.collect();
      long now = Device.cpu().usedBytes();
      quiet = now == used ? quiet + 1 : 0;
      used = now;
      pause();
    }
    return used;
  }

  /** Collects, and makes tensors, which frees what was collected, until the condition holds. */
  public static void collectUntil(BooleanSupplier condition) {
    for (int i = 0; i < 500; i++) {
      System.gc();
      Tensor.scalar(0).close();
      if (condition.getAsBoolean()) {
        return;
      }
      pause();
    }
    fail("the garbage collector did not free what it should");
  }

  private static void pause() {
    try {
      Thread.sleep(10);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
