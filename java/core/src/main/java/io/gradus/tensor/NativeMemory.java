package io.gradus.tensor;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Gets native memory and gives it back. The collector sees only small Java objects, so what they
 * hold natively is counted here, and a collection is asked for when it has doubled since the last
 * one.
 */
final class NativeMemory {

  private static final long MIB = 1L << 20;

  /** Below this many bytes in use no collection is worth its time. */
  private static final long FIRST_PRESSURE = 256 * MIB;

  private static final AtomicLong USED = new AtomicLong();
  private static final Object COLLECTING = new Object();
  private static volatile long pressure = FIRST_PRESSURE;

  private NativeMemory() {}

  /**
   * @return the address of uninitialized memory
   * @throws OutOfDeviceMemoryException where there is not enough, even after a collection
   */
  static long allocate(Device device, long bytes) {
    Reclaimer.drain();
    if (USED.addAndGet(bytes) > pressure) {
      relieve();
    }
    long address = device.backend().allocate(bytes);
    // A second collection's references come after all of the first.
    for (int collections = 0; address == 0 && collections < 2; collections++) {
      Reclaimer.collect();
      address = device.backend().allocate(bytes);
    }
    if (address == 0) {
      USED.addAndGet(-bytes);
      pressure = nextPressure(); // what was not to be had must not delay the next collection
      throw new OutOfDeviceMemoryException(device, bytes);
    }
    return address;
  }

  static void release(Device device, long address, long bytes) {
    USED.addAndGet(-bytes);
    device.backend().release(address, bytes);
  }

  /** Collects, and waits with the next collection until as much again has come into use. */
  private static void relieve() {
    synchronized (COLLECTING) {
      if (USED.get() > pressure) {
        Reclaimer.collect();
        pressure = nextPressure();
      }
    }
  }

  private static long nextPressure() {
    return Math.max(FIRST_PRESSURE, 2 * USED.get());
  }
}
