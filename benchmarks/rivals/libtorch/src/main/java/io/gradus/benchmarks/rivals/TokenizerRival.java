package io.gradus.benchmarks.rivals;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.gradus.benchmarks.TokenizerBench;
import io.gradus.hub.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * MB/s at which text becomes ids, line by line in one thread: Gradus and Hugging Face's library in
 * Rust, as Java reaches it (through JNI, with the offsets that it always computes).
 */
public final class TokenizerRival {
  private static final double SECONDS = 2;

  public static void main(String[] args) throws IOException {
    String text = Files.readString(TokenizerBench.TEXT);
    List<String> lines = text.lines().filter(line -> !line.isEmpty()).toList();
    Path bpe = Files.createTempFile("bpe", ".json");
    try {
      TokenizerBench.train(text).save(bpe);
      System.out.printf("| encode, MB/s | gradus | Hugging Face |%n|---|---|---|%n");
      print("BPE", bpe, lines);
      print("WordPiece", TokenizerBench.WORD_PIECE, lines);
    } finally {
      Files.delete(bpe);
    }
  }

  private static void print(String name, Path file, List<String> lines) throws IOException {
    Tokenizer gradus = Tokenizer.load(file);
    try (HuggingFaceTokenizer rival =
        HuggingFaceTokenizer.newInstance(file, Map.of("truncation", "false", "padding", "false"))) {
      Function<String, int[]> theirs =
          line ->
              Arrays.stream(rival.encode(line, false, false).getIds())
                  .mapToInt(i -> (int) i)
                  .toArray();
      for (String line : lines) {
        if (!Arrays.equals(theirs.apply(line), gradus.encode(line))) {
          throw new IllegalStateException("tokenizer: other ids than the rival's: " + line);
        }
      }
      System.out.printf(
          Locale.ROOT,
          "| %s | %.1f | %.1f |%n",
          name,
          megabytesPerSecond(gradus::encode, lines),
          megabytesPerSecond(theirs, lines));
    }
  }

  /** The fastest pass over all lines. */
  private static double megabytesPerSecond(Function<String, int[]> encode, List<String> lines)
      throws IOException {
    long fastest = Long.MAX_VALUE;
    long end = System.nanoTime() + (long) (SECONDS * 1e9);
    for (long start = System.nanoTime(); start < end; ) {
      lines.forEach(encode::apply);
      long now = System.nanoTime();
      fastest = Math.min(fastest, now - start);
      start = now;
    }
    return Files.size(TokenizerBench.TEXT) * 1e3 / fastest;
  }

  private TokenizerRival() {}
}
