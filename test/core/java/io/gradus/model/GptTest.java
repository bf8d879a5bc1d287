package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.data.TokenBatch;
import io.gradus.data.TokenBatches;
import io.gradus.nn.Draws;
import io.gradus.op.Losses;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GptTest {

  private static final int VOCABULARY = 37;

  static Stream<GptConfig> configs() {
    GptConfig gpt2 = GptConfig.gpt2(VOCABULARY, 24, 32, 2, 4);
    GptConfig llama = GptConfig.llama(VOCABULARY, 24, 32, 2, 4, 2, 48);
    return Stream.of(
        gpt2,
        gpt2.withBias(false),
        gpt2.with("positions", GptConfig.Positions.ALIBI).with("tiedHead", false),
        llama,
        llama.with("window", 5).with("tiedHead", true));
  }

  private static Gpt model(GptConfig config) {
    return new Gpt(config, Device.cpu(), Seed.of(1));
  }

  private static Tensor tokens(int batch, int time, int seed) {
    int[] ids = new SplittableRandom(seed).ints((long) batch * time, 0, VOCABULARY).toArray();
    return Tensor.of(ids, batch, time);
  }

  private static TokenBatch batch(int batch, int time) {
    return new TokenBatch(tokens(batch, time, 1), tokens(batch, time, 2));
  }

  private static void assertClose(float[] expected, float[] actual, double tolerance) {
    double largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertArrayEquals(expected, actual, (float) (tolerance * largest));
  }

  @ParameterizedTest
  @MethodSource("configs")
  void a_token_changes_only_the_scores_at_and_behind_it(GptConfig config) {
    Gpt model = model(config);
    int[] ids = tokens(1, 20, 3).toInts();
    float[] before = model.forward(Tensor.of(ids, 1, 20)).toFloats();
    ids[11] = (ids[11] + 1) % VOCABULARY;
    float[] after = model.forward(Tensor.of(ids, 1, 20)).toFloats();
    for (int i = 0; i < before.length; i++) {
      if (i < 11 * VOCABULARY) {
        assertEquals(before[i], after[i], 1e-6f);
      }
    }
    int last = before.length - VOCABULARY;
    double change = 0;
    for (int i = 11 * VOCABULARY; i < 12 * VOCABULARY; i++) {
      change += Math.abs(before[i] - after[i]);
    }
    assertTrue(change > 1e-4 && last > 0);
  }

  @ParameterizedTest
  @MethodSource("configs")
  void it_learns_one_batch_by_heart(GptConfig config) {
    Gpt model = model(config);
    // No part of one row is part of another: what follows equal ones could only be guessed.
    int[] ids = IntStream.range(0, 64).map(i -> i / 16 * 9 + i % 16 * (i / 16 + 2)).toArray();
    Arrays.setAll(ids, i -> ids[i] % VOCABULARY);
    TokenBatch batch = new TokenBatch(Tensor.of(ids, 4, 16), tokens(4, 16, 2));
    Optimizer adam = AdamW.builder().learningRate(3e-3).weightDecay(0).build(model.parameters());
    double loss = Double.POSITIVE_INFINITY;
    for (int step = 0; step < 400 && loss > 0.01; step++) {
      try (Tape tape = Tape.record()) {
        Tensor mean = model.loss(batch);
        loss = mean.item();
        adam.step(tape.gradients(mean).clipNorm(1));
      }
    }
    assertTrue(loss < 0.01, "loss " + loss);
  }

  @ParameterizedTest
  @MethodSource("configs")
  void a_cache_gives_the_scores_of_the_whole_sequence(GptConfig config) {
    Gpt model = model(config);
    int[] ids = tokens(1, 20, 5).toInts();
    float[] whole = model.forward(Tensor.of(ids, 1, 20)).toFloats();
    try (KeyValueCache cache = new KeyValueCache(config, 2, 20, Device.cpu())) {
      // The second sequence has one token more than the first and shifts nothing in it.
      cache.read(model, 0, Arrays.copyOf(ids, 7));
      cache.read(model, 1, Arrays.copyOf(ids, 8));
      for (int place = 7; place < 19; place++) {
        Tensor next = Tensor.of(new int[] {ids[place], ids[place + 1]}, 2, 1);
        float[] scores = model.next(next, cache).toFloats();
        for (int sequence = 0; sequence < 2; sequence++) {
          int row = place + sequence;
          float[] expected = Arrays.copyOfRange(whole, row * VOCABULARY, (row + 1) * VOCABULARY);
          float[] actual =
              Arrays.copyOfRange(scores, sequence * VOCABULARY, (sequence + 1) * VOCABULARY);
          assertClose(expected, actual, 1e-4);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void checkpointing_changes_no_gradient(GptConfig config) {
    Gpt plain = model(config.withDropout(0.2));
    Gpt thrifty = model(config.withDropout(0.2));
    thrifty.checkpointing(true);
    TokenBatch batch = batch(2, 16);
    try (Tape tape = Tape.record()) {
      Gradients expected = tape.gradients(plain.loss(batch));
      try (Tape other = Tape.record()) {
        Gradients actual = other.gradients(thrifty.loss(batch));
        for (String name : plain.parameters().names()) {
          assertClose(
              expected.get(plain.parameters().get(name)).toFloats(),
              actual.get(thrifty.parameters().get(name)).toFloats(),
              1e-4);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void activations_of_half_the_size_learn_nearly_the_same(GptConfig config) {
    TokenBatch batch = batch(4, 16);
    double[] losses = new double[2];
    for (int i = 0; i < 2; i++) {
      Gpt model = model(config);
      if (i == 1) {
        model.activations(DType.BF16);
      }
      Optimizer adam = AdamW.builder().learningRate(1e-3).build(model.parameters());
      for (int step = 0; step < 20; step++) {
        try (Tape tape = Tape.record()) {
          Tensor loss = model.loss(batch);
          losses[i] = loss.item();
          adam.step(tape.gradients(loss));
        }
      }
    }
    assertEquals(losses[0], losses[1], 0.05 * losses[0]);
  }

  @ParameterizedTest
  @MethodSource("configs")
  void packed_documents_have_the_losses_of_each_alone(GptConfig config) {
    Gpt model = model(config);
    int[] one = tokens(1, 9, 7).toInts();
    int[] two = tokens(1, 6, 8).toInts();
    double apart = 0;
    for (int[] text : List.of(one, two)) {
      try (TokenBatch batch = TokenBatches.pack(List.of(text), text.length)) {
        apart += model.loss(batch).item() * (text.length - 1);
      }
    }
    try (TokenBatch batch = TokenBatches.pack(List.of(one, two), 20)) {
      assertEquals(apart / 13, model.loss(batch).item(), 1e-5);
    }
  }

  @Test
  void dropout_draws_anew_each_time_and_goes_on_where_it_is_told_to() {
    Gpt model = model(GptConfig.gpt2(VOCABULARY, 24, 32, 2, 4).withDropout(0.3));
    TokenBatch batch = batch(2, 8);
    double first = model.loss(batch).item();
    double second = model.loss(batch).item();
    assertTrue(first != second);
    Draws draws = model.draws().get("dropout");
    draws.resume(draws.seed(), 1);
    assertEquals(second, model.loss(batch).item());
    model.eval();
    assertEquals(model.loss(batch).item(), model.loss(batch).item());
  }

  @Test
  void the_head_shares_the_weights_of_the_tokens_where_it_is_tied() {
    GptConfig config = GptConfig.gpt2(VOCABULARY, 24, 32, 2, 4);
    assertTrue(!model(config).parameters().names().contains("head.weight"));
    assertTrue(model(config.with("tiedHead", false)).parameters().names().contains("head.weight"));
    assertEquals(124_439_808, gpt2Parameters());
  }

  /** By the sizes alone: GPT-2's number of parameters as published with it. */
  private static long gpt2Parameters() {
    GptConfig c = GptConfig.named("gpt2-124m");
    long vectors = (long) c.context() * c.width();
    long biasesAndNorms = c.layers() * (13L * c.width()) + 2L * c.width();
    return c.matrixParameters() + vectors + biasesAndNorms;
  }

  @Test
  void mistakes_are_named() {
    Gpt model = model(GptConfig.gpt2(VOCABULARY, 24, 32, 2, 4));
    var e = assertThrows(IllegalArgumentException.class, () -> model.forward(tokens(1, 25, 1)));
    assertEquals(
        "gpt: the sequence is longer than the context: 25 tokens, context 24; shorten it",
        e.getMessage());
    e = assertThrows(IllegalArgumentException.class, () -> model.forward(Tensor.of(new int[3])));
    assertEquals("gpt: tokens must be (batch, time), at least one: (3) i32", e.getMessage());
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> model.forward(Tensor.of(new int[] {VOCABULARY}, 1, 1)));
    assertThrows(
        IndexOutOfBoundsException.class, () -> model.forward(Tensor.of(new int[] {-1}, 1, 1)));
    try (Scope scope = Scope.open()) {
      Tensor scores = scope.keep(model.forward(tokens(1, 2, 1)));
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> Losses.crossEntropy(scores, Tensor.of(new int[] {VOCABULARY, 0}, 1, 2)));
    }
  }
}
