package io.gradus.model;

import io.gradus.data.ConfigFile;
import io.gradus.nn.FeedForward;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What a {@link Gpt} is made of: GPT-2's parts (Radford et al. 2019) or Llama's (Touvron et al.
 * 2023), or any mixture of them.
 *
 * @param vocabulary the number of tokens
 * @param context the most tokens that one sequence may have
 * @param width the size of a token's vector between the blocks
 * @param layers the number of blocks
 * @param heads the number of attention heads, which divides the width
 * @param kvHeads the number of heads that keys and values have; as many as heads, or a divisor
 * @param hidden the size inside a feed-forward part
 * @param norm how rows are normalized before each part
 * @param normEpsilon keeps a norm's division finite
 * @param feedForward the nonlinearity
 * @param positions how the model knows the order of tokens
 * @param ropeTheta the base of the rotation's wavelengths, for rotary positions
 * @param window how many tokens each one sees, itself included; 0 for all before it
 * @param bias whether linear layers and layer norms have a bias
 * @param tiedHead whether the output layer shares the weights of the token embedding
 * @param dropout the probability behind the embedding, in attention and behind each part
 */
public record GptConfig(
    int vocabulary,
    int context,
    int width,
    int layers,
    int heads,
    int kvHeads,
    int hidden,
    NormKind norm,
    double normEpsilon,
    FeedForward.Kind feedForward,
    Positions positions,
    double ropeTheta,
    int window,
    boolean bias,
    boolean tiedHead,
    double dropout) {

  /** How rows are normalized. */
  public enum NormKind {
    /** To mean 0 and variance 1. */
    LAYER,
    /** To root mean square 1. */
    RMS
  }

  /** How a model knows the order of tokens. */
  public enum Positions {
    /** A learned vector for each position, added to the token's. */
    LEARNED,
    /** Queries and keys rotated by their positions (Su et al. 2021). */
    ROTARY,
    /** Scores lowered with the distance (Press et al. 2022). */
    ALIBI
  }

  /** Checks that the sizes fit together. */
  public GptConfig {
    check(vocabulary >= 1, "vocabulary", "must be positive", vocabulary);
    check(context >= 1, "context", "must be positive", context);
    check(width >= 1, "width", "must be positive", width);
    check(layers >= 1, "layers", "must be positive", layers);
    check(heads >= 1 && width % heads == 0, "heads", "must divide the width " + width, heads);
    check(
        kvHeads >= 1 && heads % kvHeads == 0, "kvHeads", "must divide the heads " + heads, kvHeads);
    check(hidden >= 1, "hidden", "must be positive", hidden);
    check(normEpsilon > 0 && normEpsilon < 1, "normEpsilon", "must lie in (0, 1)", normEpsilon);
    check(ropeTheta > 1, "ropeTheta", "must be more than 1", ropeTheta);
    check(window >= 0, "window", "must not be negative", window);
    check(dropout >= 0 && dropout < 1, "dropout", "must lie in [0, 1)", dropout);
    check(
        positions != Positions.ROTARY || width / heads % 2 == 0,
        "heads",
        "must leave an even size for each with rotary positions, width " + width,
        heads);
  }

  private static void check(boolean right, String name, String rule, Object value) {
    if (!right) {
      throw new IllegalArgumentException("gpt: " + name + " " + rule + ": " + value);
    }
  }

  // The usual ones

  /** GPT-2's parts in any size: hidden size four times the width, biases, no dropout. */
  public static GptConfig gpt2(int vocabulary, int context, int width, int layers, int heads) {
    return new GptConfig(
        vocabulary,
        context,
        width,
        layers,
        heads,
        heads,
        4 * width,
        NormKind.LAYER,
        1e-5,
        FeedForward.Kind.GELU,
        Positions.LEARNED,
        10_000,
        0,
        true,
        true,
        0);
  }

  /** Llama's parts in any size. */
  public static GptConfig llama(
      int vocabulary, int context, int width, int layers, int heads, int kvHeads, int hidden) {
    return new GptConfig(
        vocabulary,
        context,
        width,
        layers,
        heads,
        kvHeads,
        hidden,
        NormKind.RMS,
        1e-5,
        FeedForward.Kind.SWIGLU,
        Positions.ROTARY,
        10_000,
        0,
        false,
        false,
        0);
  }

  /** About 0.8 million parameters with 1,024 tokens: learns a book in minutes on a laptop. */
  public static GptConfig tiny() {
    return gpt2(1024, 128, 128, 4, 4).withHidden(384).withBias(false);
  }

  /** The names that {@link #named} knows. */
  public static List<String> names() {
    return List.of(
        "tiny", "shakespeare", "gpt2-124m", "gpt2-355m", "gpt2-774m", "gpt2-1558m", "llama-tiny");
  }

  /**
   * A configuration by its name: {@code gpt2-124m} and its larger sisters with GPT-2's vocabulary,
   * {@code shakespeare} (6 layers of 384 for 65 characters), {@code tiny}, and {@code llama-tiny}
   * with Llama's parts.
   *
   * @throws IllegalArgumentException for another name
   */
  public static GptConfig named(String name) {
    return switch (name) {
      case "tiny" -> tiny();
      case "llama-tiny" -> llama(1024, 128, 128, 4, 4, 2, 320);
      case "shakespeare" -> gpt2(65, 256, 384, 6, 6).withBias(false);
      case "gpt2-124m" -> gpt2(50_257, 1024, 768, 12, 12);
      case "gpt2-355m" -> gpt2(50_257, 1024, 1024, 24, 16);
      case "gpt2-774m" -> gpt2(50_257, 1024, 1280, 36, 20);
      case "gpt2-1558m" -> gpt2(50_257, 1024, 1600, 48, 25);
      default ->
          throw new IllegalArgumentException(
              "gpt: no configuration has this name: "
                  + name
                  + "; there are "
                  + String.join(", ", names()));
    };
  }

  // Variations

  /** With another number of tokens. */
  public GptConfig withVocabulary(int vocabulary) {
    return with("vocabulary", vocabulary);
  }

  /** With another longest sequence. */
  public GptConfig withContext(int context) {
    return with("context", context);
  }

  /** With another size inside the feed-forward parts. */
  public GptConfig withHidden(int hidden) {
    return with("hidden", hidden);
  }

  /** With biases or without. */
  public GptConfig withBias(boolean bias) {
    return with("bias", bias);
  }

  /** With dropout. */
  public GptConfig withDropout(double dropout) {
    return with("dropout", dropout);
  }

  /** With another value, a number, a boolean or an enum's constant, for a component by its name. */
  public GptConfig with(String name, Object value) {
    return with(Map.of(name, value));
  }

  /** With other values for several components, which only have to fit together. */
  public GptConfig with(Map<String, Object> others) {
    ConfigFile values = values();
    others.forEach(values::replace);
    return of(values);
  }

  // Files

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IOException where the file is missing, broken or describes no model
   */
  public static GptConfig read(Path file) throws IOException {
    return ConfigFile.read(file, "gpt", GptConfig::of);
  }

  /** Writes the configuration as JSON, {@code {"type": "gpt", "vocabulary": 1024, ...}}. */
  public void write(Path file) throws IOException {
    values().write(file);
  }

  private ConfigFile values() {
    return new ConfigFile("gpt")
        .put("vocabulary", vocabulary)
        .put("context", context)
        .put("width", width)
        .put("layers", layers)
        .put("heads", heads)
        .put("kvHeads", kvHeads)
        .put("hidden", hidden)
        .put("norm", norm)
        .put("normEpsilon", normEpsilon)
        .put("feedForward", feedForward)
        .put("positions", positions)
        .put("ropeTheta", ropeTheta)
        .put("window", window)
        .put("bias", bias)
        .put("tiedHead", tiedHead)
        .put("dropout", dropout);
  }

  private static GptConfig of(ConfigFile values) {
    return new GptConfig(
        values.integer("vocabulary"),
        values.integer("context"),
        values.integer("width"),
        values.integer("layers"),
        values.integer("heads"),
        values.integer("kvHeads"),
        values.integer("hidden"),
        values.choice("norm", NormKind.class),
        values.number("normEpsilon"),
        values.choice("feedForward", FeedForward.Kind.class),
        values.choice("positions", Positions.class),
        values.number("ropeTheta"),
        values.integer("window"),
        values.flag("bias"),
        values.flag("tiedHead"),
        values.number("dropout"));
  }

  // Figures

  /** The size of one head. */
  public int head() {
    return width / heads;
  }

  /** The number of parameters that matrix products use, the output layer's included. */
  public long matrixParameters() {
    long attention = (long) width * head() * (heads + 2L * kvHeads) + (long) width * width;
    long up = feedForward == FeedForward.Kind.SWIGLU ? 2L * hidden : hidden;
    long block = attention + (up + hidden) * width;
    return layers * block + (long) vocabulary * width;
  }

  /**
   * The floating-point operations that training takes for each token of sequences of this length:
   * six for each parameter of a matrix, and for attention six for each of the {@code time / 2}
   * tokens seen on average, query and value, layer and width (Chowdhery et al. 2022, without the
   * half that the causal mask spares).
   */
  public double flopsPerToken(int time) {
    double seen = window > 0 ? Math.min(window, time / 2.0) : time / 2.0;
    return 6.0 * matrixParameters() + 12.0 * seen * heads * head() * layers;
  }
}
