package io.gradus.hub;

import java.util.Arrays;

/**
 * A text or a pair of texts as a model takes it: token ids, the number of the text that each token
 * belongs to, and 1 for each token that counts, 0 for padding. The arrays belong to the receiver.
 *
 * @param ids the tokens
 * @param typeIds 0 for tokens of the first text, 1 for those of the second
 * @param attentionMask 1 for tokens, 0 for padding
 */
public record Encoding(int[] ids, int[] typeIds, int[] attentionMask) {

  /** The number of tokens, padding included. */
  public int length() {
    return ids.length;
  }

  /** The same with padding behind it; as it is where it has that length or more. */
  public Encoding padded(int length, int paddingId) {
    if (length <= ids.length) {
      return this;
    }
    int[] padded = Arrays.copyOf(ids, length);
    Arrays.fill(padded, ids.length, length, paddingId);
    return new Encoding(
        padded, Arrays.copyOf(typeIds, length), Arrays.copyOf(attentionMask, length));
  }
}
