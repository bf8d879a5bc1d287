package io.gradus.hub;

import io.gradus.model.GenerationConfig;
import io.gradus.model.Generator;
import io.gradus.model.Gpt;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Goes on where a text ends.
 *
 * <pre>{@code
 * TextGenerator generator = new TextGenerator(model, tokenizer);
 * String text = generator.generate("Call me", GenerationConfig.sample(50, Seed.of(1)));
 * }</pre>
 *
 * <p>A text also ends where the model says so, with the tokenizer's {@code <|endoftext|>}, which is
 * not a part of it. The same seed gives the same text.
 */
public final class TextGenerator {

  /** What GPT-2, Llama 3 and Llama 2 call it. */
  private static final List<String> ENDS = List.of("<|endoftext|>", "<|end_of_text|>", "</s>");

  private final Tokenizer tokenizer;
  private final Generator generator;

  /**
   * For a model and the tokenizer that it was trained with.
   *
   * @throws IllegalArgumentException where their vocabularies differ
   */
  public TextGenerator(Gpt model, Tokenizer tokenizer) {
    if (tokenizer.size() != model.config().vocabulary()) {
      throw new IllegalArgumentException(
          "generate: the tokenizer is not the model's: vocabularies of "
              + tokenizer.size()
              + " and "
              + model.config().vocabulary()
              + " tokens; use the tokenizer that the model was trained with");
    }
    this.tokenizer = tokenizer;
    this.generator = new Generator(model);
  }

  /** The token that ends a text, where a tokenizer has one. */
  public static OptionalInt endOfText(Tokenizer tokenizer) {
    return ENDS.stream().filter(tokenizer::contains).mapToInt(tokenizer::id).findFirst();
  }

  /** What follows the prompt, which is not a part of it. */
  public String generate(String prompt, GenerationConfig config) {
    return generate(prompt, config, List.of(), text -> {});
  }

  /**
   * What follows the prompt, handed out as it comes, whole characters only.
   *
   * @param stop strings before which the text ends
   * @throws IllegalArgumentException where the prompt leaves no room in the context, or is empty
   *     and the tokenizer has no token to begin with
   */
  public String generate(
      String prompt, GenerationConfig config, List<String> stop, Consumer<String> stream) {
    return generate(List.of(prompt), config, stop, stream).get(0);
  }

  /** What follows each of several prompts, generated side by side. */
  public List<String> generate(List<String> prompts, GenerationConfig config, List<String> stop) {
    return generate(prompts, config, stop, text -> {});
  }

  private List<String> generate(
      List<String> prompts, GenerationConfig config, List<String> stop, Consumer<String> stream) {
    List<int[]> ids = prompts.stream().map(this::ids).toList();
    List<Continuation> texts = ids.stream().map(i -> new Continuation(i, stop, stream)).toList();
    generator.generate(ids, withEnd(config), (text, token) -> texts.get(text).add(token));
    return texts.stream().map(Continuation::finish).toList();
  }

  private int[] ids(String prompt) {
    int[] ids = tokenizer.encode(prompt);
    if (ids.length > 0) {
      return ids;
    }
    return new int[] {
      endOfText(tokenizer)
          .orElseThrow(
              () ->
                  new IllegalArgumentException(
                      "generate: the prompt is empty, and the tokenizer has no token to begin a"
                          + " text with, such as <|endoftext|>; write a first word"))
    };
  }

  private GenerationConfig withEnd(GenerationConfig config) {
    Set<Integer> ends = new HashSet<>(config.endTokens());
    endOfText(tokenizer).ifPresent(ends::add);
    return config.withEndTokens(ends);
  }

  /** One text that grows. */
  private final class Continuation {

    private final Tokenizer.Decoder decoder = tokenizer.decoder(true);
    private final List<String> pieces = new ArrayList<>();
    private final StopText stop;

    Continuation(int[] prompt, List<String> stops, Consumer<String> stream) {
      stop =
          new StopText(
              stops,
              piece -> {
                pieces.add(piece);
                stream.accept(piece);
              });
      // Some decoders treat the first token of a text in another way than the rest.
      for (int id : prompt) {
        decoder.add(id);
      }
    }

    boolean add(int token) {
      return stop.add(decoder.add(token));
    }

    /** All of it; a character that was only begun is left out. */
    String finish() {
      stop.finish();
      return String.join("", pieces);
    }
  }
}
