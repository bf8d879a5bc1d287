package io.gradus.hub;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** Hugging Face's own library behind JNI, whose ids ours must equal. */
final class Reference implements AutoCloseable {

  private final HuggingFaceTokenizer tokenizer;

  /** Never cuts a text. */
  static Reference of(Path file) {
    return new Reference(file, Map.of("truncation", "false", "padding", "false"));
  }

  /** Cuts texts, the longer of two first. */
  static Reference cutting(Path file, int maxLength) {
    String length = String.valueOf(maxLength);
    return new Reference(
        file, Map.of("truncation", "true", "padding", "false", "maxLength", length));
  }

  private Reference(Path file, Map<String, String> options) {
    try (var in = new ByteArrayInputStream(Files.readAllBytes(file))) {
      tokenizer = HuggingFaceTokenizer.newInstance(in, options);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  int[] encode(String text) {
    return ints(tokenizer.encode(text, false, false).getIds());
  }

  Encoding encodeWithSpecial(String text) {
    return encoding(tokenizer.encode(text, true, false));
  }

  Encoding encodeWithSpecial(String first, String second) {
    return encoding(tokenizer.encode(first, second, true, false));
  }

  private static Encoding encoding(ai.djl.huggingface.tokenizers.Encoding encoding) {
    return new Encoding(
        ints(encoding.getIds()), ints(encoding.getTypeIds()), ints(encoding.getAttentionMask()));
  }

  String decode(int[] ids, boolean skipSpecial) {
    return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), skipSpecial);
  }

  private static int[] ints(long[] values) {
    return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
