package io.gradus.hub;

import java.util.Map;

/**
 * BERT's model: the longest token that the word starts with, then the longest that continues it.
 */
final class WordPiece implements Model {

  private final Map<String, Integer> vocabulary;
  private final int[] unknown;
  private final String prefix;
  private final int maxCharacters;
  private final int longest;

  WordPiece(Map<String, Integer> vocabulary, int unknown, String prefix, int maxCharacters) {
    this.vocabulary = vocabulary;
    this.unknown = new int[] {unknown};
    this.prefix = prefix;
    this.maxCharacters = maxCharacters;
    this.longest = vocabulary.keySet().stream().mapToInt(String::length).max().orElse(0);
  }

  @Override
  public int[] encode(String word) {
    if (word.codePointCount(0, word.length()) > maxCharacters) {
      return unknown;
    }
    IntList ids = new IntList();
    for (int start = 0; start < word.length(); ) {
      // No token is longer than the longest, so a long word costs no square of its length.
      int end = Math.min(word.length(), start + longest);
      Integer id = null;
      for (; end > start; end--) {
        String piece = word.substring(start, end);
        id = vocabulary.get(start == 0 ? piece : prefix + piece);
        if (id != null) {
          break;
        }
      }
      if (id == null) {
        return unknown;
      }
      ids.add(id);
      start = end;
    }
    return ids.toArray();
  }
}
