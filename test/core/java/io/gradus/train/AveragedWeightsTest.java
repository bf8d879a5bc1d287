package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.JsonTree;
import io.gradus.nn.Module;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trainings that keep a moving average of the weights. */
class AveragedWeightsTest {

  private static final double DECAY = 0.7;

  @TempDir private Path folder;

  private TrainingArgumentsBuilder arguments(String name) {
    return TinyTask.arguments(folder.resolve(name)).emaDecay(DECAY);
  }

  private static Module model(long seed) {
    return ClosureStepTest.noisy(seed);
  }

  /** The average by its formula, and the bits of the weights that learn. */
  private static final class ByHand implements TrainerCallback {
    final Map<String, double[]> average = new LinkedHashMap<>();
    final List<byte[]> weights = new ArrayList<>();
    final List<Double> losses = new ArrayList<>();

    @Override
    public void onTrainBegin(Trainer<?> trainer, TrainerControl control) {
      floats(trainer.model()).forEach((name, values) -> average.put(name, values));
    }

    @Override
    public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
      double t = weights.size();
      double decay = Math.min(DECAY, (1 + t) / (10 + t));
      floats(trainer.model())
          .forEach(
              (name, values) -> {
                double[] mean = average.get(name);
                for (int i = 0; i < mean.length; i++) {
                  mean[i] = decay * mean[i] + (1 - decay) * values[i];
                }
              });
      weights.add(ResumeTest.bytes(trainer.model()).get("0.weight"));
    }

    @Override
    public void onEvaluate(Trainer<?> trainer, TrainerControl control, Map<String, Double> m) {
      losses.add(m.get("eval_loss"));
      byte[] here = ResumeTest.bytes(trainer.model()).get("0.weight");
      assertArrayEquals(weights.get(weights.size() - 1), here);
    }

    private static Map<String, double[]> floats(Module model) {
      Map<String, double[]> floats = new LinkedHashMap<>();
      model
          .state()
          .forEach(
              (name, tensor) -> {
                if (tensor.dtype() == DType.F32) {
                  float[] values = tensor.toFloats();
                  double[] wide = new double[values.length];
                  Arrays.setAll(wide, i -> values[i]);
                  floats.put(name, wide);
                }
              });
      return floats;
    }
  }

  @Test
  void the_average_is_evaluated_and_stays_in_the_model_and_learning_is_as_without()
      throws IOException {
    Module averaged = model(1);
    ByHand byHand = new ByHand();
    Trainer<?> trainer = TinyTask.trainer(averaged, arguments("out").build()).callbacks(byHand);
    trainer.train();
    byHand.average.forEach(
        (name, mean) -> {
          float[] values = averaged.state().get(name).toFloats();
          for (int i = 0; i < mean.length; i++) {
            assertEquals(mean[i], values[i], 2e-6, name);
          }
        });
    assertEquals(42, averaged.buffers().get("1.num_batches_tracked").toLongs()[0]);
    assertEquals(byHand.losses.get(5), trainer.evaluate().get("eval_loss"));

    ByHand without = new ByHand();
    TinyTask.trainer(model(1), arguments("without").emaDecay(0).build()).callbacks(without).train();
    for (int i = 0; i < 24; i++) {
      assertArrayEquals(without.weights.get(i), byHand.weights.get(i));
    }
    assertFalse(without.losses.equals(byHand.losses));
    assertFalse(Files.exists(folder.resolve("without/checkpoint-24/model_ema.safetensors")));
  }

  @Test
  void a_run_killed_at_any_step_ends_with_the_same_bits() throws IOException {
    Module whole = model(1);
    Trainer<?> uninterrupted = TinyTask.trainer(whole, arguments("whole").build());
    uninterrupted.train();
    for (long kill = 4; kill <= 24; kill += 2) {
      TrainingArguments arguments =
          arguments("killed" + kill).saveSteps(3).saveTotalLimit(1).build();
      Trainer<?> killed =
          TinyTask.trainer(model(1), arguments).callbacks(new ResumeTest.Kill(kill));
      assertThrows(IllegalStateException.class, killed::train);
      Module model = model(99);
      Trainer<?> resumed = TinyTask.trainer(model, arguments);
      assertTrue(resumed.resume());
      resumed.train();
      ResumeTest.assertSameBits(ResumeTest.bytes(whole), ResumeTest.bytes(model));
      assertEquals(
          uninterrupted.state().evaluated().get("eval_loss"),
          resumed.state().evaluated().get("eval_loss"));
    }
  }

  @Test
  void a_stopped_training_goes_on_with_the_weights_that_learn() throws IOException {
    Module whole = model(1);
    TinyTask.trainer(whole, arguments("whole").build()).train();
    Module model = model(1);
    Trainer<?> trainer = TinyTask.trainer(model, arguments("stopped").build());
    trainer.callbacks(
        new TrainerCallback() {
          @Override
          public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
            if (trainer.state().globalStep() == 11) {
              trainer.stop();
            }
          }
        });
    trainer.train();
    Map<String, byte[]> shown = ResumeTest.bytes(model);
    trainer.evaluate();
    ResumeTest.assertSameBits(shown, ResumeTest.bytes(model));
    assertEquals(24, trainer.train().globalStep());
    ResumeTest.assertSameBits(ResumeTest.bytes(whole), ResumeTest.bytes(model));
  }

  @Test
  void the_best_averages_are_in_the_model_in_the_end() throws IOException {
    Module model = model(1);
    // A loss that falls gets worse here, so that the first evaluation is the best.
    Trainer<?> trainer =
        TinyTask.trainer(
            model,
            arguments("best")
                .greaterIsBetter(true)
                .saveStrategy(IntervalStrategy.EPOCH)
                .loadBestModelAtEnd(true)
                .build());
    ByHand byHand = new ByHand();
    TrainOutput output = trainer.callbacks(byHand).train();
    assertEquals(folder.resolve("best/checkpoint-4"), output.bestCheckpoint());
    assertEquals(byHand.losses.get(0), trainer.evaluate().get("eval_loss"));
    Module read = model(2);
    read.load(folder.resolve("best/checkpoint-4/model_ema.safetensors"));
    ResumeTest.assertSameBits(ResumeTest.bytes(read), ResumeTest.bytes(model));
  }

  @Test
  void an_average_begins_where_the_run_had_none_and_ends_where_it_is_not_wanted()
      throws IOException {
    TrainingArguments without = arguments("begins").emaDecay(0).maxSteps(5).build();
    Module plain = model(1);
    TinyTask.trainer(plain, without).train();
    Module model = model(2);
    Trainer<?> with = TinyTask.trainer(model, arguments("begins").maxSteps(5).build());
    assertTrue(with.resume());
    with.train();
    ResumeTest.assertSameBits(ResumeTest.bytes(plain), ResumeTest.bytes(model));

    TinyTask.trainer(model(1), arguments("ends").maxSteps(5).build()).train();
    Module again = model(2);
    Trainer<?> ended = TinyTask.trainer(again, arguments("ends").emaDecay(0).maxSteps(5).build());
    assertTrue(ended.resume());
    ended.train();
    ResumeTest.assertSameBits(ResumeTest.bytes(plain), ResumeTest.bytes(again));
  }

  @Test
  void a_skipped_step_is_not_averaged() throws IOException {
    Trainer<?> trainer =
        Trainer.of(
            model(1),
            (y, target) -> {
              Tensor loss = Losses.crossEntropy(y, target);
              return Pointwise.mul(loss, Double.POSITIVE_INFINITY);
            },
            TinyTask.data(53, 1),
            TinyTask.data(20, 2),
            arguments("skipped").nonFinite(NonFinite.SKIP).maxSteps(3).build());
    assertEquals(3, trainer.train().skippedSteps());
    JsonTree state = JsonTree.read(folder.resolve("skipped/checkpoint-3/trainer_state.json"));
    assertEquals(0, state.tree("ema").count("updates"));
  }

  @Test
  void a_checkpoint_whose_averages_are_broken_is_passed_over() throws IOException {
    TrainingArguments arguments = arguments("broken").saveSteps(10).build();
    TinyTask.trainer(model(1), arguments).train();
    Path file = folder.resolve("broken/checkpoint-24/model_ema.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    Trainer<?> resumed = TinyTask.trainer(model(2), arguments);
    assertTrue(resumed.resume());
    assertEquals(20, resumed.state().globalStep());
    Files.delete(file);
    assertThrows(IOException.class, () -> resumed.resume(file.getParent()));
  }
}
