package io.gradus.model;

import java.util.Arrays;
import java.util.PriorityQueue;
import java.util.SplittableRandom;

/** Chooses a token by its score. */
final class Sampler {

  private final GenerationConfig config;

  Sampler(GenerationConfig config) {
    this.config = config;
  }

  /**
   * The token for one place of one text.
   *
   * @param scores of all tokens; overwritten
   * @param seen which tokens stand before
   * @param text the number of the text, and {@code place} that of the token in it: with the seed
   *     they decide what is drawn, whatever else is generated beside it
   */
  int choose(float[] scores, boolean[] seen, long text, long place) {
    penalize(scores, seen);
    int best = argmax(scores);
    if (config.temperature() == 0) {
      return best;
    }
    double[] weights = new double[scores.length];
    double total = 0;
    for (int i = 0; i < scores.length; i++) {
      weights[i] = Math.exp((scores[i] - (double) scores[best]) / config.temperature());
      total += weights[i];
    }
    int[] candidates = candidates(weights, total);
    double sum = 0;
    for (int candidate : candidates) {
      sum += weights[candidate];
    }
    var random = new SplittableRandom(config.seed().split(text).split(place).value());
    double left = random.nextDouble() * sum;
    for (int candidate : candidates) {
      left -= weights[candidate];
      if (left < 0) {
        return candidate;
      }
    }
    return best; // all that rounding left over
  }

  void penalize(float[] scores, boolean[] seen) {
    float penalty = (float) config.repetitionPenalty();
    if (penalty != 1) {
      for (int i = 0; i < scores.length; i++) {
        if (seen[i]) {
          scores[i] = scores[i] > 0 ? scores[i] / penalty : scores[i] * penalty;
        }
      }
    }
  }

  private static int argmax(float[] scores) {
    int best = 0;
    for (int i = 0; i < scores.length; i++) {
      checkNumber(scores[i]);
      if (scores[i] > scores[best]) {
        best = i;
      }
    }
    return best;
  }

  static void checkNumber(double score) {
    if (Double.isNaN(score)) {
      throw new IllegalStateException(
          "generate: the model's scores are not numbers; its training went wrong");
    }
  }

  /** The tokens that can be drawn, likeliest first where they were sorted. */
  private int[] candidates(double[] weights, double total) {
    int k = config.topK() == 0 ? weights.length : Math.min(config.topK(), weights.length);
    if (k == weights.length && config.topP() == 1) {
      int[] all = new int[weights.length];
      Arrays.setAll(all, i -> i);
      return all;
    }
    int[] sorted = largest(weights, config.topP() == 1 ? k : weights.length);
    double limit = config.topP();
    if (limit < 1) {
      double kept = 0;
      for (int i = 0; i < k; i++) {
        kept += weights[sorted[i]];
      }
      // Of what top-k left, as the filters follow each other.
      double reached = 0;
      int count = 0;
      while (count < k && reached < limit * (k == weights.length ? total : kept)) {
        reached += weights[sorted[count++]];
      }
      k = Math.max(1, count);
    }
    return Arrays.copyOf(sorted, k);
  }

  /** The indices of the largest weights, largest first; of equal ones the lower index first. */
  static int[] largest(double[] weights, int count) {
    // Weights are not negative, so their bits are in their order; the index settles equal ones.
    long[] keys = new long[weights.length];
    for (int i = 0; i < weights.length; i++) {
      long rank = Float.floatToIntBits((float) weights[i]);
      keys[i] = rank << 32 | (weights.length - 1 - i);
    }
    long[] best = count < weights.length / 8 ? largestKeys(keys, count) : keys;
    Arrays.sort(best);
    int[] indices = new int[count];
    for (int i = 0; i < count; i++) {
      indices[i] = weights.length - 1 - (int) best[best.length - 1 - i];
    }
    return indices;
  }

  /** Without sorting the others, which for a few of many would cost more than the model's step. */
  private static long[] largestKeys(long[] keys, int count) {
    var least = new PriorityQueue<Long>(count);
    for (long key : keys) {
      if (least.size() < count) {
        least.add(key);
      } else if (key > least.peek()) {
        least.poll();
        least.add(key);
      }
    }
    return least.stream().mapToLong(Long::longValue).toArray();
  }
}
