package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.TokenBatch;
import io.gradus.data.TokenBatches;
import io.gradus.data.Tokens;
import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LanguageModelingTest {

  private static final int END = 10;

  @TempDir private Path folder;

  private static Tokens text(int length) {
    int[] ids = new int[length];
    Arrays.setAll(ids, i -> i % 7 == 0 ? END : i * i % 10);
    return Tokens.of(ids, 11);
  }

  private static Gpt model(long seed) {
    var config = GptConfig.gpt2(11, 16, 16, 2, 2).withDropout(0.1);
    return new Gpt(config, Device.cpu(), Seed.of(seed));
  }

  private Trainer<TokenBatch> trainer(Gpt model, boolean bf16) {
    var arguments =
        TrainingArguments.builder(folder)
            .maxSteps(60)
            .learningRate(1e-2)
            .warmupRatio(0.1)
            .lrSchedulerType(SchedulerType.COSINE)
            .gradientAccumulationSteps(2)
            .gradientCheckpointing(true)
            .overwriteOutputDir(true)
            .bf16(bf16)
            .saveSteps(25)
            .build();
    TokenBatches train = TokenBatches.random(text(700), 4, 8, Seed.of(3)).documents(END);
    TokenBatches eval = TokenBatches.inOrder(text(100), 4, 8).documents(END);
    return new Trainer<>(model, new LanguageModeling(model), train, eval, arguments);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void a_language_model_learns_and_goes_on_with_the_same_bits(boolean bf16) throws IOException {
    Gpt model = model(1);
    Trainer<TokenBatch> trainer = trainer(model, bf16);
    double before = trainer.evaluate().get("eval_loss");
    trainer.train();
    double after = trainer.evaluate().get("eval_loss");
    assertTrue(after < 0.6 * before, before + " and " + after);

    Gpt second = model(2);
    Trainer<TokenBatch> resumed = trainer(second, bf16);
    resumed.resume(folder.resolve("checkpoint-25"));
    assertEquals(25, resumed.state().globalStep());
    resumed.train();
    model
        .parameters()
        .asMap()
        .forEach(
            (name, tensor) ->
                assertArrayEquals(
                    tensor.toFloats(), second.parameters().get(name).toFloats(), name));
  }

  @Test
  void the_evaluation_is_the_mean_of_all_tokens_as_in_pretraining() {
    Gpt model = model(1);
    var config = PretrainingConfig.of(4, 8, 10, 1e-3);
    var pretraining = new Pretraining(model, text(700), text(100), config, Seed.of(3), null);
    var plain =
        new Trainer<>(
            model,
            new LanguageModeling(model),
            TokenBatches.random(text(700), 4, 8, Seed.of(3)),
            TokenBatches.inOrder(text(100), 4, 8),
            TrainingArguments.builder(folder).build());
    assertEquals(pretraining.evaluate(), plain.evaluate().get("eval_loss"), 1e-6);
  }

  @Test
  void an_epoch_of_tokens_begins_anywhere_and_random_ones_differ() {
    TokenBatches random = TokenBatches.random(text(700), 4, 8, Seed.of(3));
    long count = random.count();
    try (var epoch = random.epoch(2, 5)) {
      assertArrayEquals(
          random.get(2 * count + 5).inputs().toInts(), epoch.next().inputs().toInts());
    }
    TokenBatches inOrder = TokenBatches.inOrder(text(700), 4, 8);
    try (var epoch = inOrder.epoch(2, count - 1)) {
      assertArrayEquals(inOrder.get(count - 1).inputs().toInts(), epoch.next().inputs().toInts());
      assertThrows(NoSuchElementException.class, epoch::next);
    }
    assertThrows(IllegalArgumentException.class, () -> inOrder.epoch(0, count + 1));
  }
}
