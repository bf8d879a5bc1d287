package io.gradus.hub;

/**
 * Remembers the tokens of words, of which a text has few different ones. Threads share it without a
 * lock: an entry never changes, and whoever overwrites another's entry only costs it a second look.
 */
final class WordCache {

  private static final int SLOTS = 1 << 15;
  private static final int MAX_LENGTH = 64;

  private record Entry(String word, int[] ids) {}

  private final Entry[] entries = new Entry[SLOTS];
  private final Model model;

  WordCache(Model model) {
    this.model = model;
  }

  void encode(String text, int from, int to, IntList ids) {
    int length = to - from;
    if (length > MAX_LENGTH) {
      ids.addAll(model.encode(text.substring(from, to)));
      return;
    }
    int hash = 0;
    for (int i = from; i < to; i++) {
      hash = 31 * hash + text.charAt(i);
    }
    int slot = (hash ^ hash >>> 15) & (SLOTS - 1);
    Entry entry = entries[slot];
    if (entry == null
        || entry.word.length() != length
        || !text.regionMatches(from, entry.word, 0, length)) {
      String word = text.substring(from, to);
      entry = new Entry(word, model.encode(word));
      entries[slot] = entry;
    }
    ids.addAll(entry.ids);
  }
}
