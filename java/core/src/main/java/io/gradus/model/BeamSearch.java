package io.gradus.model;

import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Keeps the likeliest beginnings of a text, lengthens each by every token and keeps the likeliest
 * again; what ends is set aside and the best of those by log probability over length wins.
 */
final class BeamSearch {

  /** The beginning of a text, and its log probability. */
  private record Beam(int[] tokens, double score) {
    Beam add(int token, double score) {
      int[] longer = Arrays.copyOf(tokens, tokens.length + 1);
      longer[tokens.length] = token;
      return new Beam(longer, score);
    }
  }

  private record Step(int beam, int token, double score) {}

  private final Gpt model;
  private final GenerationConfig config;
  private final int beams;

  BeamSearch(Gpt model, GenerationConfig config) {
    this.model = model;
    this.config = config;
    this.beams = Math.min(config.beams(), model.config().vocabulary());
  }

  @SuppressWarnings("try") // the scope only has to close
  int[] search(int[] prompt) {
    int vocabulary = model.config().vocabulary();
    int capacity =
        (int) Math.min(model.config().context(), prompt.length + (long) config.maxTokens());
    List<Beam> done = new ArrayList<>();
    List<Beam> alive = new ArrayList<>();
    try (var cache = new KeyValueCache(model.config(), beams, capacity, model.device())) {
      float[] scores;
      try (Scope scope = Scope.open()) {
        scores = cache.read(model, 0, prompt).toFloats();
      }
      int[] parents = new int[beams];
      for (Step step : best(List.of(new Beam(new int[0], 0)), prompt, scores, vocabulary, done)) {
        alive.add(new Beam(new int[] {step.token}, step.score));
      }
      cache.reorder(parents); // all begin with the prompt, which the first has read
      // A text of as many tokens as there is room for needs no further scores.
      while (alive.size() == beams
          && alive.get(0).tokens.length < config.maxTokens()
          && cache.length(0) < capacity
          && !isSettled(done, alive)) {
        int[] next = alive.stream().mapToInt(beam -> beam.tokens[beam.tokens.length - 1]).toArray();
        try (Scope scope = Scope.open()) {
          scores = model.next(Tensor.of(next, beams, 1).to(model.device()), cache).toFloats();
        }
        List<Beam> longer = new ArrayList<>();
        for (Step step : best(alive, prompt, scores, vocabulary, done)) {
          parents[longer.size()] = step.beam;
          longer.add(alive.get(step.beam).add(step.token, step.score));
        }
        alive = longer;
        if (alive.size() == beams) {
          cache.reorder(parents);
        }
      }
    }
    done.addAll(alive);
    return done.stream().max(Comparator.comparingDouble(this::worth)).orElseThrow().tokens;
  }

  /** Whether no beginning that is alive can still become better than what is done. */
  private boolean isSettled(List<Beam> done, List<Beam> alive) {
    return done.size() >= beams
        && done.stream().mapToDouble(this::worth).max().orElse(Double.NEGATIVE_INFINITY)
            >= worth(alive.get(0));
  }

  private double worth(Beam beam) {
    return beam.score / Math.pow(Math.max(1, beam.tokens.length), config.lengthPenalty());
  }

  /** The likeliest steps that do not end a text; those that do go to {@code done}. */
  private List<Step> best(
      List<Beam> alive, int[] prompt, float[] scores, int vocabulary, List<Beam> done) {
    List<Step> steps = new ArrayList<>();
    int wanted = Math.min(vocabulary, beams + config.endTokens().size());
    for (int beam = 0; beam < alive.size(); beam++) {
      float[] own = Arrays.copyOfRange(scores, beam * vocabulary, (beam + 1) * vocabulary);
      double[] logs = logProbabilities(own, prompt, alive.get(beam).tokens);
      double[] weights = new double[vocabulary];
      Arrays.setAll(
          weights, i -> Math.exp(logs[i] / 8)); // flattened, so that floats tell them apart
      for (int token : Sampler.largest(weights, wanted)) {
        steps.add(new Step(beam, token, alive.get(beam).score + logs[token]));
      }
    }
    steps.sort(Comparator.comparingDouble(Step::score).reversed());
    List<Step> going = new ArrayList<>();
    for (int i = 0; i < steps.size() && going.size() < beams; i++) {
      Step step = steps.get(i);
      if (!config.endTokens().contains(step.token)) {
        going.add(step);
      } else if (i < beams) {
        done.add(new Beam(alive.get(step.beam).tokens, step.score));
      }
    }
    return going;
  }

  private double[] logProbabilities(float[] scores, int[] prompt, int[] tokens) {
    boolean[] seen = new boolean[scores.length];
    for (int token : prompt) {
      seen[token] = true;
    }
    for (int token : tokens) {
      seen[token] = true;
    }
    new Sampler(config).penalize(scores, seen);
    double max = Double.NEGATIVE_INFINITY;
    for (float score : scores) {
      max = Math.max(max, score);
    }
    double sum = 0;
    for (float score : scores) {
      sum += Math.exp(score - max);
    }
    Sampler.checkNumber(sum);
    double[] logs = new double[scores.length];
    for (int i = 0; i < logs.length; i++) {
      logs[i] = scores[i] - max - Math.log(sum);
    }
    return logs;
  }
}
