package io.gradus.hub;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Where special tokens stand around a text and around a pair of texts. */
record Template(List<Piece> single, List<Piece> pair) {

  /** Tokens, or a text's place with null for them: 0 is the first text, 1 the second. */
  record Piece(int[] ids, int text, int typeId) {
    static Piece tokens(int typeId, int... ids) {
      return new Piece(ids, 0, typeId);
    }

    static Piece text(int text, int typeId) {
      return new Piece(null, text, typeId);
    }
  }

  /** No special tokens. */
  static final Template PLAIN =
      new Template(List.of(Piece.text(0, 0)), List.of(Piece.text(0, 0), Piece.text(1, 1)));

  /** All special tokens in it. */
  int[] ids() {
    return Stream.concat(single.stream(), pair.stream())
        .filter(piece -> piece.ids != null)
        .flatMapToInt(piece -> Arrays.stream(piece.ids))
        .toArray();
  }

  Encoding apply(int[] first, int maxLength) {
    int room = room(single, maxLength);
    return apply(single, List.of(Arrays.copyOf(first, Math.min(first.length, room))));
  }

  /** Cuts the longer text first, as Hugging Face's {@code longest_first} does. */
  Encoding apply(int[] first, int[] second, int maxLength) {
    int room = room(pair, maxLength);
    int shorter = Math.min(first.length, second.length);
    int longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
    if (first.length + second.length <= room) {
      return apply(pair, List.of(first, second));
    }
    if (shorter + longer > room) {
      shorter = room / 2;
      longer = shorter + room % 2;
    }
    boolean swap = first.length > second.length;
    int n = Math.min(first.length, swap ? longer : shorter);
    int m = Math.min(second.length, swap ? shorter : longer);
    return apply(pair, List.of(Arrays.copyOf(first, n), Arrays.copyOf(second, m)));
  }

  private static int room(List<Piece> pieces, int maxLength) {
    int added = 0;
    for (Piece piece : pieces) {
      added += piece.ids == null ? 0 : piece.ids.length;
    }
    if (maxLength < added) {
      throw new IllegalArgumentException(
          "tokenizer: no room for text: a length of "
              + maxLength
              + " and "
              + added
              + " special tokens; allow a greater length");
    }
    return maxLength - added;
  }

  private static Encoding apply(List<Piece> pieces, List<int[]> texts) {
    IntList ids = new IntList();
    IntList typeIds = new IntList();
    for (Piece piece : pieces) {
      int[] tokens = piece.ids == null ? texts.get(piece.text) : piece.ids;
      ids.addAll(tokens);
      for (int i = 0; i < tokens.length; i++) {
        typeIds.add(piece.typeId);
      }
    }
    int[] mask = new int[ids.size()];
    Arrays.fill(mask, 1);
    return new Encoding(ids.toArray(), typeIds.toArray(), mask);
  }
}
