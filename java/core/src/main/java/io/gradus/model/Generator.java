package io.gradus.model;

import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Goes on where a prompt ends, token by token.
 *
 * <pre>{@code
 * Generator generator = new Generator(model);
 * int[] text = generator.generate(prompt, GenerationConfig.sample(100, Seed.of(1)).withTopK(50));
 * }</pre>
 *
 * <p>A text ends before an end token, at the most tokens wanted, where the model's context is full,
 * or when a listener says so. The same seed gives the same text, alone or among others.
 */
public final class Generator {

  /** Hears of tokens as they come. */
  @FunctionalInterface
  public interface Listener {
    /**
     * One more token.
     *
     * @param text the number of the prompt that it goes on from
     * @return whether that text should go on
     */
    boolean token(int text, int token);
  }

  private final Gpt model;

  /** Generates with a model, which it switches to evaluation while it does. */
  public Generator(Gpt model) {
    this.model = model;
  }

  /** The tokens that follow a prompt; the prompt is not among them. */
  public int[] generate(int[] prompt, GenerationConfig config) {
    return generate(List.of(prompt), config, (text, token) -> true).get(0);
  }

  /**
   * The tokens that follow each of several prompts, generated side by side.
   *
   * @param listener hears of each token at once; of those of beam search when they are final
   * @throws IllegalArgumentException where a prompt is empty or leaves no room in the context
   * @throws IndexOutOfBoundsException for a token outside the vocabulary
   */
  public List<int[]> generate(List<int[]> prompts, GenerationConfig config, Listener listener) {
    for (int i = 0; i < prompts.size(); i++) {
      check(prompts.get(i), prompts.size() == 1 ? "the prompt" : "prompt " + (i + 1));
    }
    boolean training = model.isTraining();
    model.eval();
    try {
      return config.beams() > 1
          ? search(prompts, config, listener)
          : prompts.isEmpty() ? List.of() : sample(prompts, config, listener);
    } finally {
      if (training) {
        model.train();
      }
    }
  }

  private void check(int[] prompt, String name) {
    int context = model.config().context();
    if (prompt.length == 0) {
      throw new IllegalArgumentException(
          "generate: " + name + " is empty; begin with a token that ends texts or a word");
    }
    if (prompt.length >= context) {
      throw new IllegalArgumentException(
          "generate: "
              + name
              + " leaves no room in the context: "
              + prompt.length
              + " tokens, context "
              + context
              + "; shorten it");
    }
    for (int token : prompt) {
      if (token < 0 || token >= model.config().vocabulary()) {
        throw new IndexOutOfBoundsException(
            "generate: token "
                + token
                + " is outside the model's vocabulary of "
                + model.config().vocabulary()
                + "; is the tokenizer another model's?");
      }
    }
  }

  private List<int[]> search(List<int[]> prompts, GenerationConfig config, Listener listener) {
    List<int[]> texts = new ArrayList<>();
    for (int[] prompt : prompts) {
      int[] text = new BeamSearch(model, config).search(prompt);
      for (int token : text) {
        if (!listener.token(texts.size(), token)) {
          break;
        }
      }
      texts.add(text);
    }
    return texts;
  }

  /** A text that grows. */
  private static final class Text {
    final List<Integer> tokens = new ArrayList<>();
    final boolean[] seen;
    boolean done;

    Text(int[] prompt, int vocabulary) {
      seen = new boolean[vocabulary];
      for (int token : prompt) {
        seen[token] = true;
      }
    }
  }

  @SuppressWarnings("try") // the scope only has to close
  private List<int[]> sample(List<int[]> prompts, GenerationConfig config, Listener listener) {
    Sampler sampler = new Sampler(config);
    List<Text> texts = new ArrayList<>();
    int longest = 0;
    for (int[] prompt : prompts) {
      texts.add(new Text(prompt, model.config().vocabulary()));
      longest = Math.max(longest, prompt.length);
    }
    int capacity = (int) Math.min(model.config().context(), longest + (long) config.maxTokens());
    try (var cache = new KeyValueCache(model.config(), prompts.size(), capacity, model.device())) {
      int[] next = new int[prompts.size()];
      for (int i = 0; i < prompts.size(); i++) {
        try (Scope scope = Scope.open()) {
          float[] scores = cache.read(model, i, prompts.get(i)).toFloats();
          next[i] = take(texts.get(i), i, scores, sampler, config, listener);
        }
      }
      while (texts.stream().anyMatch(text -> !text.done)) {
        try (Scope scope = Scope.open()) {
          for (int i = 0; i < texts.size(); i++) {
            // One that is done is computed along, at a place that is never read.
            if (texts.get(i).done || cache.length(i) == capacity) {
              texts.get(i).done = true;
              cache.truncate(i, 0);
              next[i] = 0;
            }
          }
          if (texts.stream().allMatch(text -> text.done)) {
            break;
          }
          float[] scores =
              model.next(Tensor.of(next, next.length, 1).to(model.device()), cache).toFloats();
          int vocabulary = model.config().vocabulary();
          for (int i = 0; i < texts.size(); i++) {
            if (!texts.get(i).done) {
              float[] own =
                  java.util.Arrays.copyOfRange(scores, i * vocabulary, (i + 1) * vocabulary);
              next[i] = take(texts.get(i), i, own, sampler, config, listener);
            }
          }
        }
      }
    }
    return texts.stream()
        .map(text -> text.tokens.stream().mapToInt(Integer::intValue).toArray())
        .toList();
  }

  /** Chooses a text's next token. */
  private static int take(
      Text text,
      int number,
      float[] scores,
      Sampler sampler,
      GenerationConfig config,
      Listener listener) {
    int token = sampler.choose(scores, text.seen, number, text.tokens.size());
    if (config.endTokens().contains(token)) {
      text.done = true;
      return token;
    }
    text.tokens.add(token);
    text.seen[token] = true;
    boolean more = listener.token(number, token);
    text.done = !more || text.tokens.size() == config.maxTokens();
    return token;
  }
}
