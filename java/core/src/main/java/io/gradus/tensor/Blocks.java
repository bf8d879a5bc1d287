package io.gradus.tensor;

import java.util.Arrays;

/**
 * The native memory that a scope has to free. It knows addresses and no tensors, so that a scope
 * keeps no Java object alive and a forgotten scope can be freed after it is gone.
 */
final class Blocks {

  private Device[] devices = new Device[16];
  private long[] addresses = new long[16];
  private long[] bytes = new long[16];
  private int count;
  private int live;

  /** Where the scope was opened, when leaks are reported; else null. */
  private final Throwable origin = Leaks.origin();

  /**
   * @return the slot by which {@link #remove} knows this block
   */
  synchronized int add(Device device, long address, long size) {
    if (count == addresses.length) {
      devices = Arrays.copyOf(devices, 2 * count);
      addresses = Arrays.copyOf(addresses, 2 * count);
      bytes = Arrays.copyOf(bytes, 2 * count);
    }
    devices[count] = device;
    addresses[count] = address;
    bytes[count] = size;
    live++;
    return count++;
  }

  /** Takes a block out: somebody else frees it. */
  synchronized void remove(int slot) {
    addresses[slot] = 0;
    live--;
    while (count > 0 && addresses[count - 1] == 0) {
      count--;
    }
  }

  /** Frees all blocks, newest first. */
  synchronized void free() {
    while (count > 0) {
      count--;
      if (addresses[count] != 0) {
        NativeMemory.release(devices[count], addresses[count], bytes[count]);
        addresses[count] = 0;
      }
    }
    live = 0;
  }

  /** What to do when the scope was forgotten. */
  Runnable whenForgotten() {
    return () -> {
      Leaks.report("a scope with " + live + " tensors was never closed; it was opened", origin);
      free();
    };
  }
}
