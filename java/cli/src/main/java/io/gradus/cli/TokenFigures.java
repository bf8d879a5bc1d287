package io.gradus.cli;

import io.gradus.data.Tokens;
import io.gradus.hub.Tokenizer;
import java.nio.charset.StandardCharsets;

/**
 * What is known of held-out text without a model.
 *
 * @param entropy of its tokens' frequencies: the loss of the best guess that sees no text, in nats
 * @param bytesPerToken of its text in UTF-8
 */
record TokenFigures(double entropy, double bytesPerToken) {

  private static final int PART = 1 << 16;
  private static final long MOST = 1 << 24; // tokens; more would change no digit that is shown

  static TokenFigures of(Tokens tokens, Tokenizer tokenizer) {
    long size = Math.min(tokens.size(), MOST);
    long[] counts = new long[tokens.vocabulary()];
    long bytes = 0;
    Tokenizer.Decoder decoder = tokenizer.decoder(true);
    for (long from = 0; from < size; from += PART) {
      for (int id : tokens.read(from, (int) Math.min(PART, size - from))) {
        counts[id]++;
        bytes += utf8(decoder.add(id));
      }
    }
    double entropy = 0;
    for (long count : counts) {
      if (count > 0) {
        entropy -= (double) count / size * Math.log((double) count / size);
      }
    }
    return new TokenFigures(entropy, (double) bytes / size);
  }

  private static int utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  double bitsPerByte(double loss) {
    return loss / Math.log(2) / bytesPerToken;
  }
}
