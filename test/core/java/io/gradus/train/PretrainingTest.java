package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.Tokens;
import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PretrainingTest {

  private static final GptConfig CONFIG = GptConfig.gpt2(11, 16, 16, 2, 2).withDropout(0.1);

  @TempDir private Path folder;

  private static Gpt model(long seed) {
    return new Gpt(CONFIG, Device.cpu(), Seed.of(seed));
  }

  /** Counts up, so that what follows can be learned. */
  private static Tokens text(int length) {
    int[] ids = new int[length];
    Arrays.setAll(ids, i -> i % 7 == 0 ? 10 : i * i % 10);
    return Tokens.of(ids, 11);
  }

  private static PretrainingConfig config(long steps, int accumulate) {
    return new PretrainingConfig(
        4,
        8,
        accumulate,
        steps,
        1e-2,
        Math.min(5, steps),
        0.1,
        0.1,
        false,
        0.9,
        0.95,
        1,
        10,
        0,
        10,
        -1);
  }

  private Pretraining training(Gpt model, PretrainingConfig config) {
    return new Pretraining(model, text(700), text(100), config, Seed.of(3), folder);
  }

  @Test
  void the_loss_falls_and_the_best_weights_are_kept() throws IOException {
    Gpt model = model(1);
    List<Pretraining.Step> steps = new ArrayList<>();
    List<Pretraining.Evaluated> evaluated = new ArrayList<>();
    training(model, config(60, 1))
        .run(
            new Pretraining.Listener() {
              @Override
              public void step(Pretraining.Step step) {
                steps.add(step);
              }

              @Override
              public void evaluated(Pretraining.Evaluated one) {
                evaluated.add(one);
              }
            });
    assertEquals(60, steps.size());
    assertEquals(60, steps.get(59).number());
    assertEquals(32, steps.get(0).tokens());
    assertTrue(steps.get(59).loss() < 0.6 * steps.get(0).loss());
    assertEquals(1e-2 / 6, steps.get(0).learningRate(), 1e-9);
    assertEquals(6, evaluated.size());
    Gpt loaded = model(2);
    loaded.load(folder.resolve("model.safetensors"));
    double best = evaluated.stream().mapToDouble(Pretraining.Evaluated::loss).min().orElseThrow();
    assertEquals(best, training(loaded, config(60, 1)).evaluate(), 1e-6);
    assertEquals(CONFIG, GptConfig.read(folder.resolve("config.json")));
  }

  @Test
  void a_resumed_run_has_the_same_bits() throws IOException {
    Gpt whole = model(1);
    training(whole, config(40, 2)).run(new Pretraining.Listener() {});
    byte[] expected = Files.readAllBytes(folder.resolve("last.safetensors"));

    Gpt first = model(1);
    Pretraining stopped = training(first, config(40, 2));
    var e =
        assertThrows(
            IllegalStateException.class,
            () ->
                stopped.run(
                    new Pretraining.Listener() {
                      @Override
                      public void step(Pretraining.Step step) {
                        if (step.number() == 25) {
                          throw new IllegalStateException("the power went");
                        }
                      }
                    }));
    assertEquals("the power went", e.getMessage());
    Gpt second = model(9);
    Pretraining resumed = training(second, config(40, 2));
    resumed.resume();
    assertEquals(20, resumed.optimizer().steps());
    resumed.run(new Pretraining.Listener() {});
    assertArrayEquals(expected, Files.readAllBytes(folder.resolve("last.safetensors")));
  }

  @Test
  void the_average_of_the_weights_is_evaluated_and_saved_and_resumed_with_the_same_bits()
      throws IOException {
    Gpt whole = model(1);
    List<Pretraining.Evaluated> evaluated = new ArrayList<>();
    Pretraining training = training(whole, config(40, 1)).averaging(0.8);
    training.run(
        new Pretraining.Listener() {
          @Override
          public void evaluated(Pretraining.Evaluated one) {
            evaluated.add(one);
          }
        });
    double last = evaluated.get(3).loss();
    assertEquals(last, training.evaluate());
    Map<String, byte[]> averages = ResumeTest.bytes(whole);
    byte[] expected = Files.readAllBytes(folder.resolve("last.safetensors"));
    Gpt loaded = model(2);
    loaded.load(folder.resolve("model.safetensors"));
    double best = evaluated.stream().mapToDouble(Pretraining.Evaluated::loss).min().orElseThrow();
    assertEquals(best, training(loaded, config(40, 1)).evaluate());

    Pretraining stopped = training(model(1), config(40, 1)).averaging(0.8);
    stopped.run(
        new Pretraining.Listener() {
          @Override
          public void step(Pretraining.Step step) {
            if (step.number() == 25) {
              stopped.stop();
            }
          }
        });
    Gpt second = model(9);
    Pretraining resumed = training(second, config(40, 1)).averaging(0.8);
    resumed.resume();
    assertEquals(25, resumed.optimizer().steps());
    resumed.run(new Pretraining.Listener() {});
    assertArrayEquals(expected, Files.readAllBytes(folder.resolve("last.safetensors")));
    ResumeTest.assertSameBits(averages, ResumeTest.bytes(second));

    Pretraining without = training(model(9), config(40, 1));
    assertThrows(IllegalArgumentException.class, without::resume);
    assertThrows(IllegalArgumentException.class, () -> without.averaging(1));
    // Learning is as without an average.
    Gpt plain = model(1);
    training(plain, config(40, 1)).run(new Pretraining.Listener() {});
    Gpt learned = model(3);
    Pretraining again = training(learned, config(40, 1));
    again.resume();
    ResumeTest.assertSameBits(ResumeTest.bytes(plain), ResumeTest.bytes(learned));
    assertFalse(
        Arrays.equals(averages.get("norm.weight"), ResumeTest.bytes(plain).get("norm.weight")));
  }

  @Test
  void accumulation_is_a_larger_batch() throws IOException {
    GptConfig plain = CONFIG.withDropout(0);
    Gpt one = new Gpt(plain, Device.cpu(), Seed.of(1));
    Gpt two = new Gpt(plain, Device.cpu(), Seed.of(1));
    List<Double> losses = new ArrayList<>();
    for (Gpt model : List.of(one, two)) {
      boolean large = model == one;
      var config =
          new PretrainingConfig(
              8, 8, large ? 1 : 2, 1, 1e-2, 0, 0, 0, false, 0.9, 0.95, 0, 1, 0, 1, -1);
      // A text of one token more than a row: every row is the same.
      Tokens text = text(9);
      new Pretraining(model, text, null, config, Seed.of(1), null)
          .run(
              new Pretraining.Listener() {
                @Override
                public void step(Pretraining.Step step) {
                  losses.add(step.loss());
                }
              });
    }
    assertEquals(losses.get(0), losses.get(1), 1e-6);
    for (String name : one.parameters().names()) {
      assertArrayEquals(
          one.parameters().get(name).toFloats(), two.parameters().get(name).toFloats(), 2e-3f);
    }
  }

  @Test
  void checkpoints_of_other_models_and_broken_ones_change_nothing() throws IOException {
    Gpt model = model(1);
    training(model, config(10, 1)).run(new Pretraining.Listener() {});
    Gpt wider = new Gpt(GptConfig.gpt2(11, 16, 32, 2, 2), Device.cpu(), Seed.of(1));
    float[] before = wider.parameters().get("norm.weight").toFloats();
    Pretraining other = training(wider, config(10, 1));
    var e = assertThrows(IllegalArgumentException.class, other::resume);
    assertTrue(e.getMessage().contains("does not fit"), e.getMessage());
    assertEquals(0, other.optimizer().steps());
    assertArrayEquals(before, wider.parameters().get("norm.weight").toFloats());

    Path last = folder.resolve("last.safetensors");
    byte[] bytes = Files.readAllBytes(last);
    Files.write(last, Arrays.copyOf(bytes, bytes.length - 5));
    assertThrows(IOException.class, training(model(1), config(10, 1))::resume);
    Files.copy(
        folder.resolve("model.safetensors"),
        last,
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    var weights = assertThrows(IOException.class, training(model(1), config(10, 1))::resume);
    assertTrue(weights.getMessage().contains("weights alone"), weights.getMessage());
    Files.delete(last);
    assertThrows(IOException.class, training(model(1), config(10, 1))::resume);
    assertThrows(
        IllegalStateException.class,
        new Pretraining(model(1), text(99), null, config(1, 1), Seed.of(1), null)::resume);
  }

  @Test
  void a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint() throws IOException {
    Gpt model = model(1);
    Pretraining training = training(model, config(20, 1));
    var e =
        assertThrows(
            IllegalStateException.class,
            () ->
                training.run(
                    new Pretraining.Listener() {
                      @Override
                      public void step(Pretraining.Step step) {
                        if (step.number() == 12) {
                          model.parameters().get("norm.weight").fill(Double.NaN);
                        }
                      }
                    }));
    assertTrue(
        e.getMessage()
            .startsWith("train: the loss or its gradient is no number any more at step 13"));
    Pretraining resumed = training(model(2), config(20, 1));
    resumed.resume();
    assertEquals(10, resumed.optimizer().steps());
    assertTrue(Double.isFinite(resumed.evaluate()));
  }

  @Test
  void settings_and_texts_that_cannot_be_are_refused() {
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new Pretraining(
                    model(1), Tokens.of(new int[100], 12), null, config(1, 1), Seed.of(1), null));
    assertEquals(
        "train: the text has tokens that the model does not: vocabularies of 12 and 11; encode it"
            + " with the model's tokenizer",
        e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> config(0, 1));
    assertThrows(IllegalArgumentException.class, () -> PretrainingConfig.of(4, 8, 10, -1));
    assertFalse(Files.exists(folder.resolve("config.json")));
  }
}
