package io.gradus.model;

import io.gradus.data.ConfigFile;
import java.io.IOException;
import java.nio.file.Path;

/**
 * What a {@link Bert} is made of.
 *
 * @param vocabulary the number of tokens
 * @param context the most tokens that one sequence may have
 * @param types the number of token types: 2 tell the first text of a pair from the second
 * @param width the size of a token's vector between the blocks
 * @param layers the number of blocks
 * @param heads the number of attention heads, which divides the width
 * @param hidden the size inside a feed-forward part
 * @param normEpsilon keeps a norm's division finite
 * @param dropout the probability behind the embeddings, in attention and behind each part
 */
public record BertConfig(
    int vocabulary,
    int context,
    int types,
    int width,
    int layers,
    int heads,
    int hidden,
    double normEpsilon,
    double dropout) {

  /** Checks that the sizes fit together. */
  public BertConfig {
    check(vocabulary >= 1, "vocabulary", "must be positive", vocabulary);
    check(context >= 1, "context", "must be positive", context);
    check(types >= 1, "types", "must be positive", types);
    check(width >= 1, "width", "must be positive", width);
    check(layers >= 1, "layers", "must be positive", layers);
    check(heads >= 1 && width % heads == 0, "heads", "must divide the width " + width, heads);
    check(hidden >= 1, "hidden", "must be positive", hidden);
    check(normEpsilon > 0 && normEpsilon < 1, "normEpsilon", "must lie in (0, 1)", normEpsilon);
    check(dropout >= 0 && dropout < 1, "dropout", "must lie in [0, 1)", dropout);
  }

  private static void check(boolean right, String name, String rule, Object value) {
    if (!right) {
      throw new IllegalArgumentException("bert: " + name + " " + rule + ": " + value);
    }
  }

  /** BERT-base, uncased: 12 layers of 768, 110 million parameters. */
  public static BertConfig base() {
    return new BertConfig(30_522, 512, 2, 768, 12, 12, 3072, 1e-12, 0.1);
  }

  /** MiniLM: 6 layers of 384 with 12 heads, 23 million parameters (Wang et al. 2020). */
  public static BertConfig miniLm() {
    return new BertConfig(30_522, 512, 2, 384, 6, 12, 1536, 1e-12, 0.1);
  }

  /** With another probability of dropout. */
  public BertConfig withDropout(double dropout) {
    return of(values().replace("dropout", dropout));
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IOException where the file is missing, broken or describes no model
   */
  public static BertConfig read(Path file) throws IOException {
    return ConfigFile.read(file, "bert", BertConfig::of);
  }

  /** Writes the configuration as JSON, {@code {"type": "bert", "vocabulary": 30522, ...}}. */
  public void write(Path file) throws IOException {
    values().write(file);
  }

  private ConfigFile values() {
    return new ConfigFile("bert")
        .put("vocabulary", vocabulary)
        .put("context", context)
        .put("types", types)
        .put("width", width)
        .put("layers", layers)
        .put("heads", heads)
        .put("hidden", hidden)
        .put("normEpsilon", normEpsilon)
        .put("dropout", dropout);
  }

  private static BertConfig of(ConfigFile values) {
    return new BertConfig(
        values.integer("vocabulary"),
        values.integer("context"),
        values.integer("types"),
        values.integer("width"),
        values.integer("layers"),
        values.integer("heads"),
        values.integer("hidden"),
        values.number("normEpsilon"),
        values.number("dropout"));
  }
}
