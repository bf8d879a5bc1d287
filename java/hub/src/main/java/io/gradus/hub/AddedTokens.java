package io.gradus.hub;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Finds added tokens in a text: the leftmost, and the longest of those that start there. */
final class AddedTokens {

  /** Takes the parts of a text: tokens, and text between them with a null for a token. */
  interface Parts {
    void add(AddedToken token, int from, int to);
  }

  private static final class Node {
    final Map<Character, Node> children = new HashMap<>();
    AddedToken token;
    int length;
  }

  private final Node root = new Node();
  private final BitSet firsts = new BitSet();

  AddedTokens(List<AddedToken> tokens, UnaryOperator<String> spelling) {
    for (AddedToken token : tokens) {
      Node node = root;
      String spelled = spelling.apply(token.content());
      for (char c : spelled.toCharArray()) {
        node = node.children.computeIfAbsent(c, key -> new Node());
      }
      // Two that are spelled alike are the first one.
      if (node.token == null && node != root) {
        node.token = token;
        node.length = spelled.length();
      }
    }
    root.children.keySet().forEach(firsts::set);
  }

  boolean isEmpty() {
    return firsts.isEmpty();
  }

  void split(String text, int from, int to, Parts parts) {
    int done = from;
    for (int at = from; at < to; ) {
      Node match = firsts.get(text.charAt(at)) ? longest(text, at, to) : null;
      if (match == null) {
        at++;
        continue;
      }
      AddedToken token = match.token;
      int start = at;
      int end = at + match.length;
      at = end;
      if (token.singleWord() && !isAlone(text, from, start, end, to)) {
        continue;
      }
      if (token.leftStrip()) {
        while (start > done && Unicode.is(Unicode.SPACE, text.charAt(start - 1))) {
          start--;
        }
      }
      if (token.rightStrip()) {
        while (end < to && Unicode.is(Unicode.SPACE, text.charAt(end))) {
          end++;
        }
      }
      if (done < start) {
        parts.add(null, done, start);
      }
      parts.add(token, start, end);
      done = end;
      at = end;
    }
    if (done < to) {
      parts.add(null, done, to);
    }
  }

  private Node longest(String text, int at, int to) {
    Node longest = null;
    Node node = root;
    for (int i = at; i < to && (node = node.children.get(text.charAt(i))) != null; i++) {
      if (node.token != null) {
        longest = node;
      }
    }
    return longest;
  }

  private static boolean isAlone(String text, int from, int start, int end, int to) {
    return (start == from || !Unicode.isWord(text.codePointBefore(start)))
        && (end == to || !Unicode.isWord(text.codePointAt(end)));
  }
}
