package io.gradus.hub;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/**
 * Byte-pair encoding: a word starts as its bytes, and the earliest learned pair is merged first.
 */
final class BytePairs implements Model {

  private static final int NONE = -1;

  private final Map<String, Integer> vocabulary;
  private final int[] byteIds = new int[256];
  private final PairMap ranks;
  private final int[] merged;
  private final boolean ignoreMerges;

  /**
   * Merges are pairs of ids, earliest first, with the id of each merged token beside it. A byte
   * without a token becomes {@code unknown} or, where that is -1, nothing.
   */
  BytePairs(
      Map<String, Integer> vocabulary,
      long[] pairs,
      int[] merged,
      int unknown,
      boolean ignoreMerges) {
    this.vocabulary = vocabulary;
    this.merged = merged;
    this.ignoreMerges = ignoreMerges;
    for (int b = 0; b < 256; b++) {
      String token = String.valueOf(ByteAlphabet.charOf(b));
      byteIds[b] = vocabulary.getOrDefault(token, unknown);
    }
    ranks = new PairMap(pairs.length);
    for (int rank = 0; rank < pairs.length; rank++) {
      ranks.put(pairs[rank], rank);
    }
  }

  @Override
  public int[] encode(String word) {
    if (ignoreMerges) {
      Integer whole = vocabulary.get(ByteAlphabet.encode(word));
      if (whole != null) {
        return new int[] {whole};
      }
    }
    byte[] utf8 = word.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[utf8.length];
    int n = 0;
    for (byte b : utf8) {
      int id = byteIds[b & 0xFF];
      if (id != NONE) {
        ids[n++] = id;
      }
    }
    return new Merge(ids, n).run();
  }

  /**
   * The merges of one word, in n log n: a heap of the ranks and places of pairs, in which those
   * that another merge took apart stay until they are popped.
   */
  private final class Merge {

    private final int[] ids;
    private final int[] next;
    private final int[] previous;
    private final int[] rankAt;
    private final LongHeap heap;
    private final int n;

    Merge(int[] ids, int n) {
      this.ids = ids;
      this.n = n;
      next = new int[n];
      previous = new int[n];
      rankAt = new int[n];
      heap = new LongHeap(n);
      for (int i = 0; i < n; i++) {
        next[i] = i + 1;
        previous[i] = i - 1;
      }
      for (int i = 0; i < n; i++) {
        look(i);
      }
    }

    /** Notes the rank of the pair that starts here. */
    private void look(int at) {
      long rank = next[at] < n ? ranks.get(PairMap.pair(ids[at], ids[next[at]])) : PairMap.NONE;
      rankAt[at] = rank == PairMap.NONE ? NONE : (int) rank;
      if (rankAt[at] != NONE) {
        heap.push(rank << 32 | at);
      }
    }

    int[] run() {
      while (!heap.isEmpty()) {
        long top = heap.pop();
        int rank = (int) (top >>> 32);
        int at = (int) top;
        if (rankAt[at] == rank) {
          int gone = next[at];
          ids[at] = merged[rank];
          next[at] = next[gone];
          rankAt[gone] = NONE;
          if (next[at] < n) {
            previous[next[at]] = at;
          }
          look(at);
          if (previous[at] >= 0) {
            look(previous[at]);
          }
        }
      }
      int length = 0;
      for (int i = 0; i < n; i = next[i]) {
        ids[length++] = ids[i];
      }
      return Arrays.copyOf(ids, length);
    }
  }
}
