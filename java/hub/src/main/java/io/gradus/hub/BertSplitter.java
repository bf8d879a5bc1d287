package io.gradus.hub;

/** BERT's words: white space ends a word and vanishes, each punctuation mark is one of its own. */
final class BertSplitter implements PreTokenizer {

  @Override
  public void split(String text, int from, int to, Words words) {
    int start = from;
    for (int at = from; at < to; ) {
      int c = text.codePointAt(at);
      int end = at + Character.charCount(c);
      if (Unicode.is(Unicode.SPACE | Unicode.PUNCTUATION, c)) {
        if (start < at) {
          words.add(text, start, at);
        }
        if (!Unicode.is(Unicode.SPACE, c)) {
          words.add(text, at, end);
        }
        start = end;
      }
      at = end;
    }
    if (start < to) {
      words.add(text, start, to);
    }
  }
}
