package io.gradus.hub;

import java.util.Arrays;

/** From pairs of token ids to numbers, without boxes: the inner loop of byte-pair encoding. */
final class PairMap {

  /** What {@link #get} gives for a pair that is not there. */
  static final long NONE = Long.MIN_VALUE;

  private long[] keys;
  private long[] values;
  private int size;

  PairMap(int expected) {
    int slots = Integer.highestOneBit(Math.max(8, expected) * 2 - 1) * 2;
    keys = new long[slots];
    values = new long[slots];
    Arrays.fill(keys, NONE);
  }

  static long pair(int left, int right) {
    return (long) left << 32 | right;
  }

  static int left(long pair) {
    return (int) (pair >>> 32);
  }

  static int right(long pair) {
    return (int) pair;
  }

  long get(long pair) {
    int slot = slot(pair);
    return keys[slot] == pair ? values[slot] : NONE;
  }

  void put(long pair, long value) {
    int slot = slot(pair);
    if (keys[slot] != pair) {
      if (++size * 2 > keys.length) {
        grow();
        slot = slot(pair);
      }
      keys[slot] = pair;
    }
    values[slot] = value;
  }

  /** Adds to the pair's number, zero where it has none, and returns the sum. */
  long add(long pair, long change) {
    int slot = slot(pair);
    if (keys[slot] == pair) {
      return values[slot] += change;
    }
    put(pair, change);
    return change;
  }

  private int slot(long pair) {
    // Fibonacci hashing; the upper bits of the product are the good ones.
    long hash = pair * 0x9E3779B97F4A7C15L;
    int mask = keys.length - 1;
    int slot = (int) (hash >>> 32) & mask;
    while (keys[slot] != pair && keys[slot] != NONE) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private void grow() {
    long[] oldKeys = keys;
    long[] oldValues = values;
    keys = new long[oldKeys.length * 2];
    values = new long[oldKeys.length * 2];
    Arrays.fill(keys, NONE);
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != NONE) {
        int slot = slot(oldKeys[i]);
        keys[slot] = oldKeys[i];
        values[slot] = oldValues[i];
      }
    }
  }
}
