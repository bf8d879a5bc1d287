package io.gradus.hub;

/**
 * The last step before byte-level tokens: GPT-2's words or, after another splitter, each as it is.
 */
final class ByteLevel implements PreTokenizer {

  private final boolean addPrefixSpace;
  private final PreTokenizer words;

  ByteLevel(boolean addPrefixSpace, boolean splits) {
    this.addPrefixSpace = addPrefixSpace;
    this.words = splits ? new Gpt2Splitter() : (text, from, to, out) -> out.add(text, from, to);
  }

  @Override
  public void split(String text, int from, int to, Words out) {
    if (addPrefixSpace && text.charAt(from) != ' ') {
      String prefixed = " " + text.substring(from, to);
      words.split(prefixed, 0, prefixed.length(), out);
    } else {
      words.split(text, from, to, out);
    }
  }
}
