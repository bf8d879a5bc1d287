package io.gradus.hub;

/** Cuts text into words, each of which becomes tokens for itself. */
interface PreTokenizer {

  /** Takes words, each as a part of a text. */
  interface Words {
    void add(String text, int from, int to);
  }

  /** Hands out the words of {@code text[from, to)} as if nothing stood around it. */
  void split(String text, int from, int to, Words words);

  /** The other one on each word of this one. */
  default PreTokenizer then(PreTokenizer next) {
    return (text, from, to, words) ->
        split(text, from, to, (part, first, last) -> next.split(part, first, last, words));
  }
}
