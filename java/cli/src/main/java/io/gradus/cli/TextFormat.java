package io.gradus.cli;

import io.gradus.data.JsonTree;
import io.gradus.hub.Tokenizer;
import java.util.Arrays;

/**
 * Texts in the tokens of the run's tokenizer.
 *
 * @param maxLength tokens of a text that are read; the others are cut off
 */
record TextFormat(int maxLength) implements InputFormat {

  static final String KIND = "text";

  /** The token that fills shorter texts, the first of a vocabulary. */
  static final String PADDING = "<|padding|>";

  TextFormat {
    if (maxLength < 1) {
      throw new IllegalArgumentException("input: a text must have a length: " + maxLength);
    }
  }

  static TextFormat of(JsonTree settings) {
    return new TextFormat(Sizes.of(settings.count("max_length")));
  }

  @Override
  public JsonTree settings() {
    return new JsonTree().put("kind", KIND).put("max_length", (long) maxLength);
  }

  /** A text's tokens; an empty text is one token of padding. */
  int[] tokens(Tokenizer tokenizer, String text) {
    int[] ids = tokenizer.encode(text);
    if (ids.length == 0) {
      return new int[] {tokenizer.id(PADDING)};
    }
    return ids.length > maxLength ? Arrays.copyOf(ids, maxLength) : ids;
  }
}
