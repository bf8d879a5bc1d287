package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GeneratorTest {

  private static final int VOCABULARY = 12;
  private static final int[] PROMPT = {3, 1, 4};

  private final Gpt model = spreadOut();
  private final Generator generator = new Generator(model);

  /** Random, with weights so large that tokens differ clearly in their scores. */
  private static Gpt spreadOut() {
    GptConfig config = GptConfig.gpt2(VOCABULARY, 20, 16, 2, 2);
    Gpt model = new Gpt(config, Device.cpu(), Seed.of(5));
    for (Tensor parameter : model.parameters().tensors()) {
      if (parameter.rank() == 2) {
        float[] values = parameter.toFloats();
        for (int i = 0; i < values.length; i++) {
          values[i] *= 15;
        }
        try (Tensor larger = Tensor.of(values, parameter.shape())) {
          parameter.copyFrom(larger);
        }
      }
    }
    return model;
  }

  private static int[] concat(int[] a, int... b) {
    int[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }

  /** The log probabilities of the token behind a text, from a whole forward pass. */
  private double[] logs(int[] text) {
    float[] all = model.forward(Tensor.of(text, 1, text.length)).toFloats();
    float[] last = Arrays.copyOfRange(all, all.length - VOCABULARY, all.length);
    double sum = 0;
    for (float score : last) {
      sum += Math.exp(score);
    }
    double[] logs = new double[VOCABULARY];
    for (int i = 0; i < VOCABULARY; i++) {
      logs[i] = last[i] - Math.log(sum);
    }
    return logs;
  }

  private static int argmax(double[] values) {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      best = values[i] > values[best] ? i : best;
    }
    return best;
  }

  @Test
  void greedy_takes_the_likeliest_token_each_time() {
    int[] text = PROMPT;
    for (int i = 0; i < 10; i++) {
      text = concat(text, argmax(logs(text)));
    }
    int[] expected = Arrays.copyOfRange(text, 3, 13);
    assertArrayEquals(expected, generator.generate(PROMPT, GenerationConfig.greedy(10)));
  }

  @Test
  void sampling_follows_the_probabilities_and_its_seed() {
    double[] logs = logs(PROMPT);
    int[] counts = new int[VOCABULARY];
    int draws = 4000;
    for (int i = 0; i < draws; i++) {
      counts[generator.generate(PROMPT, GenerationConfig.sample(1, Seed.of(i)))[0]]++;
    }
    for (int token = 0; token < VOCABULARY; token++) {
      double p = Math.exp(logs[token]);
      assertEquals(p, (double) counts[token] / draws, 5 * Math.sqrt(p / draws) + 1e-3);
    }
    GenerationConfig config = GenerationConfig.sample(12, Seed.of(7));
    assertArrayEquals(generator.generate(PROMPT, config), generator.generate(PROMPT, config));
  }

  @Test
  void filters_leave_only_the_likeliest() {
    double[] logs = logs(PROMPT);
    Integer[] order = new Integer[VOCABULARY];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(logs[b], logs[a]));
    double two = Math.exp(logs[order[0]]) + Math.exp(logs[order[1]]);
    for (int i = 0; i < 300; i++) {
      GenerationConfig sample = GenerationConfig.sample(1, Seed.of(i));
      int ofThree = generator.generate(PROMPT, sample.withTopK(3))[0];
      assertTrue(Arrays.asList(order).indexOf(ofThree) < 3);
      int nucleus = generator.generate(PROMPT, sample.withTopP(two - 1e-4))[0];
      assertTrue(Arrays.asList(order).indexOf(nucleus) < 2);
      assertEquals(order[0], generator.generate(PROMPT, sample.withTopP(1e-9))[0]);
      assertEquals(order[0], generator.generate(PROMPT, sample.withTemperature(1e-5))[0]);
    }
  }

  @Test
  void a_repetition_penalty_makes_seen_tokens_rarer() {
    int[] plain = generator.generate(PROMPT, GenerationConfig.greedy(15));
    int[] varied =
        generator.generate(PROMPT, GenerationConfig.greedy(15).withRepetitionPenalty(1e5));
    assertTrue(Arrays.stream(varied).distinct().count() > Arrays.stream(plain).distinct().count());
  }

  @Test
  void texts_side_by_side_are_those_of_each_alone() {
    List<int[]> prompts = List.of(PROMPT, new int[] {7}, new int[] {0, 2, 4, 6, 8, 10, 1});
    GenerationConfig config = GenerationConfig.greedy(30);
    List<List<Integer>> heard = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    List<int[]> texts =
        generator.generate(prompts, config, (text, token) -> heard.get(text).add(token));
    for (int i = 0; i < prompts.size(); i++) {
      assertArrayEquals(generator.generate(prompts.get(i), config), texts.get(i));
      assertArrayEquals(texts.get(i), heard.get(i).stream().mapToInt(Integer::intValue).toArray());
      assertEquals(20 - prompts.get(i).length + 1, texts.get(i).length, "as the context allows");
    }
  }

  @Test
  void a_text_ends_before_an_end_token_and_where_the_listener_says() {
    int[] text = generator.generate(PROMPT, GenerationConfig.greedy(10));
    int end = text[4];
    int first = 0;
    while (text[first] != end) {
      first++;
    }
    assertArrayEquals(
        Arrays.copyOf(text, first),
        generator.generate(PROMPT, GenerationConfig.greedy(10).withEndTokens(Set.of(end))));
    List<Integer> heard = new ArrayList<>();
    generator.generate(
        List.of(PROMPT),
        GenerationConfig.greedy(10),
        (number, token) -> {
          heard.add(token);
          return heard.size() < 3;
        });
    assertEquals(3, heard.size());
  }

  @Test
  void beam_search_finds_what_trying_everything_finds() {
    // With as many beams as there are texts of two tokens, nothing is lost on the way to three.
    int[] found =
        generator.generate(PROMPT, GenerationConfig.beamSearch(3, VOCABULARY).withLengthPenalty(0));
    double best = Double.NEGATIVE_INFINITY;
    int[] text = null;
    for (int a = 0; a < VOCABULARY; a++) {
      double first = logs(PROMPT)[a];
      double[] second = logs(concat(PROMPT, a));
      for (int b = 0; b < VOCABULARY; b++) {
        double[] third = logs(concat(PROMPT, a, b));
        int c = argmax(third);
        if (first + second[b] + third[c] > best) {
          best = first + second[b] + third[c];
          text = new int[] {a, b, c};
        }
      }
    }
    assertEquals(score(text), score(found), 1e-4);
  }

  private double score(int[] text) {
    double score = 0;
    for (int i = 0; i < text.length; i++) {
      score += logs(concat(PROMPT, Arrays.copyOf(text, i)))[text[i]];
    }
    return score;
  }

  @Test
  void one_beam_is_greedy_and_more_are_not_worse() {
    int[] greedy = generator.generate(PROMPT, GenerationConfig.greedy(8));
    int[] beams = generator.generate(PROMPT, GenerationConfig.beamSearch(8, 4));
    assertEquals(8, beams.length);
    assertTrue(score(beams) >= score(greedy) - 1e-4);
  }

  @Test
  void the_model_is_as_it_was_behind_it() {
    assertTrue(model.isTraining());
    generator.generate(PROMPT, GenerationConfig.greedy(2));
    assertTrue(model.isTraining());
    model.eval();
    generator.generate(PROMPT, GenerationConfig.greedy(2));
    assertFalse(model.isTraining());
    assertEquals(
        List.of(), generator.generate(List.of(), GenerationConfig.greedy(2), (t, k) -> true));
  }

  @Test
  void prompts_that_cannot_be_are_refused() {
    GenerationConfig config = GenerationConfig.greedy(3);
    var e =
        assertThrows(IllegalArgumentException.class, () -> generator.generate(new int[0], config));
    assertEquals(
        "generate: the prompt is empty; begin with a token that ends texts or a word",
        e.getMessage());
    e = assertThrows(IllegalArgumentException.class, () -> generator.generate(new int[20], config));
    assertEquals(
        "generate: the prompt leaves no room in the context: 20 tokens, context 20; shorten it",
        e.getMessage());
    var outside =
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> generator.generate(new int[] {VOCABULARY}, config));
    assertEquals(
        "generate: token 12 is outside the model's vocabulary of 12; is the tokenizer another"
            + " model's?",
        outside.getMessage());
    assertThrows(IllegalArgumentException.class, () -> config.withTopP(0));
    assertThrows(IllegalArgumentException.class, () -> config.withTemperature(-1));
    assertThrows(IllegalArgumentException.class, () -> GenerationConfig.greedy(0));
    assertThrows(IllegalArgumentException.class, () -> config.withRepetitionPenalty(Double.NaN));
  }

  @Test
  void scores_that_are_no_numbers_are_named() {
    model.parameters().get("norm.weight").fill(Double.NaN);
    var e =
        assertThrows(
            IllegalStateException.class,
            () -> generator.generate(PROMPT, GenerationConfig.greedy(3)));
    assertEquals(
        "generate: the model's scores are not numbers; its training went wrong", e.getMessage());
    assertThrows(
        IllegalStateException.class,
        () -> generator.generate(PROMPT, GenerationConfig.beamSearch(3, 2)));
  }
}
