package io.gradus.hub;

import java.util.Arrays;

/** A queue that gives its smallest number first, without boxes. */
final class LongHeap {

  private long[] heap;
  private int size;

  LongHeap(int expected) {
    heap = new long[Math.max(4, expected)];
  }

  boolean isEmpty() {
    return size == 0;
  }

  void push(long value) {
    if (size == heap.length) {
      heap = Arrays.copyOf(heap, size * 2);
    }
    int at = size++;
    for (int parent; at > 0 && heap[parent = (at - 1) / 2] > value; at = parent) {
      heap[at] = heap[parent];
    }
    heap[at] = value;
  }

  long pop() {
    long top = heap[0];
    long last = heap[--size];
    int at = 0;
    for (int child; (child = 2 * at + 1) < size; at = child) {
      if (child + 1 < size && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= last) {
        break;
      }
      heap[at] = heap[child];
    }
    heap[at] = last;
    return top;
  }
}
