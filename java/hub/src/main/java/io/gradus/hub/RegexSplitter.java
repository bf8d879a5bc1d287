package io.gradus.hub;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Cuts at what a regular expression matches. */
final class RegexSplitter implements PreTokenizer {

  /** What becomes of a match. */
  enum Behavior {
    REMOVED,
    ISOLATED,
    MERGED_WITH_PREVIOUS,
    MERGED_WITH_NEXT,
    CONTIGUOUS
  }

  private record Piece(int from, int to, boolean match) {}

  private final Pattern pattern;
  private final Behavior behavior;
  private final boolean invert;

  /** With {@code invert}, what lies between the matches is taken for the matches. */
  RegexSplitter(Pattern pattern, Behavior behavior, boolean invert) {
    this.pattern = pattern;
    this.behavior = behavior;
    this.invert = invert;
  }

  @Override
  public void split(String text, int from, int to, Words words) {
    for (Piece piece : joined(pieces(text, from, to))) {
      if (behavior != Behavior.REMOVED || !piece.match) {
        words.add(text, piece.from, piece.to);
      }
    }
  }

  private List<Piece> pieces(String text, int from, int to) {
    List<Piece> pieces = new ArrayList<>();
    int end = from;
    try {
      for (Matcher matcher = pattern.matcher(text).region(from, to); matcher.find(); ) {
        if (matcher.start() > end) {
          pieces.add(new Piece(end, matcher.start(), invert));
        }
        if (matcher.end() > matcher.start()) {
          pieces.add(new Piece(matcher.start(), matcher.end(), !invert));
        }
        end = matcher.end();
      }
    } catch (StackOverflowError e) {
      throw new IllegalArgumentException(
          "tokenizer: the text is too long for the tokenizer's expression: "
              + (to - from)
              + " characters; encode it in shorter parts");
    }
    if (end < to) {
      pieces.add(new Piece(end, to, invert));
    }
    return pieces;
  }

  private List<Piece> joined(List<Piece> pieces) {
    if (behavior == Behavior.REMOVED || behavior == Behavior.ISOLATED) {
      return pieces;
    }
    List<Piece> joined = new ArrayList<>();
    for (int i = 0; i < pieces.size(); i++) {
      Piece piece = pieces.get(i);
      boolean previous = i > 0 && joinsPrevious(pieces, i);
      if (previous) {
        Piece last = joined.remove(joined.size() - 1);
        joined.add(new Piece(last.from, piece.to, false));
      } else {
        joined.add(piece);
      }
    }
    return joined;
  }

  /** A match that follows or precedes another one stays alone. */
  private boolean joinsPrevious(List<Piece> pieces, int i) {
    boolean before = pieces.get(i - 1).match;
    boolean here = pieces.get(i).match;
    return switch (behavior) {
      case CONTIGUOUS -> before == here;
      case MERGED_WITH_PREVIOUS -> here && !before;
      default -> before && !here;
    };
  }
}
