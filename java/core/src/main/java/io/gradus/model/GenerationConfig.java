package io.gradus.model;

import io.gradus.tensor.Seed;
import java.util.Set;

/**
 * How a {@link Generator} chooses tokens. The settings are applied in the order of Hugging Face's
 * {@code generate}: repetition penalty, temperature, top-k, top-p.
 *
 * @param maxTokens the most tokens to add to a prompt
 * @param temperature divides the scores: below 1 likely tokens become likelier; 0 takes the
 *     likeliest always
 * @param topK only the k likeliest tokens can be drawn; 0 for all
 * @param topP only the likeliest tokens can be drawn that together reach this probability (Holtzman
 *     et al. 2020); 1 for all
 * @param repetitionPenalty divides the score of tokens that were seen where it is positive and
 *     multiplies it where it is negative (Keskar et al. 2019); 1 for none
 * @param beams the number of beginnings that beam search keeps; 1 for no beam search
 * @param lengthPenalty the exponent of the length by which beam search divides a text's log
 *     probability: above 0 longer texts gain
 * @param endTokens end a text, of which they are not a part
 * @param seed decides what is drawn
 */
public record GenerationConfig(
    int maxTokens,
    double temperature,
    int topK,
    double topP,
    double repetitionPenalty,
    int beams,
    double lengthPenalty,
    Set<Integer> endTokens,
    Seed seed) {

  /** Checks each setting. */
  public GenerationConfig {
    endTokens = Set.copyOf(endTokens);
    check(maxTokens >= 1, "maxTokens", "must be positive", maxTokens);
    check(temperature >= 0 && temperature < 1e6, "temperature", "must be 0 or more", temperature);
    check(topK >= 0, "topK", "must be 0 or more", topK);
    check(topP > 0 && topP <= 1, "topP", "must lie in (0, 1]", topP);
    check(
        repetitionPenalty > 0 && repetitionPenalty < 1e6,
        "repetitionPenalty",
        "must be positive",
        repetitionPenalty);
    check(beams >= 1, "beams", "must be positive", beams);
    check(Double.isFinite(lengthPenalty), "lengthPenalty", "must be finite", lengthPenalty);
  }

  private static void check(boolean right, String name, String rule, Object value) {
    if (!right) {
      throw new IllegalArgumentException("generate: " + name + " " + rule + ": " + value);
    }
  }

  /** The likeliest token each time. */
  public static GenerationConfig greedy(int maxTokens) {
    return new GenerationConfig(maxTokens, 0, 0, 1, 1, 1, 1, Set.of(), Seed.of(0));
  }

  /** Tokens drawn with the probabilities that the model gives them. */
  public static GenerationConfig sample(int maxTokens, Seed seed) {
    return new GenerationConfig(maxTokens, 1, 0, 1, 1, 1, 1, Set.of(), seed);
  }

  /** The likeliest text that beam search finds. */
  public static GenerationConfig beamSearch(int maxTokens, int beams) {
    return new GenerationConfig(maxTokens, 0, 0, 1, 1, beams, 1, Set.of(), Seed.of(0));
  }

  /** With another temperature. */
  public GenerationConfig withTemperature(double temperature) {
    Draft draft = new Draft(this);
    draft.temperature = temperature;
    return draft.config();
  }

  /** With only the k likeliest tokens. */
  public GenerationConfig withTopK(int topK) {
    Draft draft = new Draft(this);
    draft.topK = topK;
    return draft.config();
  }

  /** With only the likeliest tokens that together reach a probability. */
  public GenerationConfig withTopP(double topP) {
    Draft draft = new Draft(this);
    draft.topP = topP;
    return draft.config();
  }

  /** With a penalty for tokens that were seen. */
  public GenerationConfig withRepetitionPenalty(double repetitionPenalty) {
    Draft draft = new Draft(this);
    draft.repetitionPenalty = repetitionPenalty;
    return draft.config();
  }

  /** With another weight of length in beam search. */
  public GenerationConfig withLengthPenalty(double lengthPenalty) {
    Draft draft = new Draft(this);
    draft.lengthPenalty = lengthPenalty;
    return draft.config();
  }

  /** With tokens that end a text. */
  public GenerationConfig withEndTokens(Set<Integer> endTokens) {
    Draft draft = new Draft(this);
    draft.endTokens = endTokens;
    return draft.config();
  }

  /** The settings while one of them changes. */
  private static final class Draft {
    private final GenerationConfig from;
    private double temperature;
    private int topK;
    private double topP;
    private double repetitionPenalty;
    private double lengthPenalty;
    private Set<Integer> endTokens;

    Draft(GenerationConfig from) {
      this.from = from;
      temperature = from.temperature;
      topK = from.topK;
      topP = from.topP;
      repetitionPenalty = from.repetitionPenalty;
      lengthPenalty = from.lengthPenalty;
      endTokens = from.endTokens;
    }

    GenerationConfig config() {
      return new GenerationConfig(
          from.maxTokens,
          temperature,
          topK,
          topP,
          repetitionPenalty,
          from.beams,
          lengthPenalty,
          endTokens,
          from.seed);
    }
  }

  /** With another seed. */
  public GenerationConfig withSeed(Seed seed) {
    return new GenerationConfig(
        maxTokens,
        temperature,
        topK,
        topP,
        repetitionPenalty,
        beams,
        lengthPenalty,
        endTokens,
        seed);
  }
}
