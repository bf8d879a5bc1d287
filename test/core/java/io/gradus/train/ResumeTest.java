package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.model.Mlp;
import io.gradus.nn.Module;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A training that was interrupted goes on with the same bits. */
class ResumeTest {

  enum Precision {
    F32,
    BF16,
    F16
  }

  @TempDir private Path folder;

  /** Stops behind one step, as a kill would, without a checkpoint of its own. */
  static final class Kill implements TrainerCallback {
    private final long step;

    Kill(long step) {
      this.step = step;
    }

    @Override
    public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
      if (trainer.state().globalStep() == step) {
        throw new IllegalStateException("killed");
      }
    }
  }

  static Map<String, byte[]> bytes(Module model) {
    Map<String, byte[]> bytes = new LinkedHashMap<>();
    model
        .state()
        .forEach(
            (name, tensor) -> {
              ByteBuffer buffer = ByteBuffer.allocate(Math.toIntExact(tensor.byteSize()));
              tensor.copyTo(buffer, 0);
              bytes.put(name, buffer.array());
            });
    return bytes;
  }

  static void assertSameBits(Map<String, byte[]> expected, Map<String, byte[]> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach((name, bytes) -> assertArrayEquals(bytes, actual.get(name), name));
  }

  private TrainingArgumentsBuilder arguments(String name, Precision precision) {
    return TinyTask.arguments(folder.resolve(name))
        .bf16(precision == Precision.BF16)
        .fp16(precision == Precision.F16);
  }

  private static Trainer<?> trainer(Mlp model, TrainingArguments arguments) {
    Trainer<?> trainer = TinyTask.trainer(model, arguments);
    if (arguments.fp16()) {
      // Overflows at first, and grows several times.
      trainer.gradScaler(new GradScaler(0x1p100, 2, 0x1p-20, 4));
    }
    return trainer;
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void a_run_killed_at_any_step_ends_with_the_same_bits(Precision precision) throws IOException {
    Mlp whole = TinyTask.model(1, 0.2);
    Trainer<?> uninterrupted = trainer(whole, arguments("whole", precision).build());
    TrainOutput output = uninterrupted.train();
    assertEquals(24, output.globalStep());
    assertEquals(precision == Precision.F16, output.skippedSteps() > 0);
    for (long kill = 1; kill <= 24; kill += precision == Precision.F32 ? 1 : 7) {
      TrainingArguments arguments =
          arguments("killed" + kill, precision).saveSteps(3).saveTotalLimit(1).build();
      Trainer<?> killed = trainer(TinyTask.model(1, 0.2), arguments).callbacks(new Kill(kill));
      assertThrows(IllegalStateException.class, killed::train);

      // Without a checkpoint a training begins at the start, and needs its model; with one, none.
      Mlp model = TinyTask.model(kill <= 3 ? 1 : 99, 0.2);
      Trainer<?> resumed = trainer(model, arguments);
      assertEquals(kill > 3, resumed.resume());
      assertEquals((kill - 1) / 3 * 3, resumed.state().globalStep());
      resumed.train();
      assertSameBits(bytes(whole), bytes(model));
      assertEquals(
          uninterrupted.state().trainingLoss(), resumed.state().trainingLoss(), "step " + kill);
      assertEquals(losses(uninterrupted), losses(resumed));
    }
  }

  private static Map<Double, Double> losses(Trainer<?> trainer) {
    Map<Double, Double> losses = new LinkedHashMap<>();
    trainer
        .state()
        .logHistory()
        .forEach(
            entry ->
                losses.put(entry.get("step"), entry.getOrDefault("loss", entry.get("eval_loss"))));
    return losses;
  }

  @Test
  void a_captured_run_and_an_eager_one_have_the_same_bits() throws IOException {
    Mlp captured = TinyTask.model(1, 0.2);
    Mlp eager = TinyTask.model(1, 0.2);
    trainer(captured, arguments("captured", Precision.F32).build()).train();
    trainer(eager, arguments("eager", Precision.F32).captureGraph(false).build()).train();
    assertSameBits(bytes(captured), bytes(eager));
    Mlp other = TinyTask.model(1, 0.2);
    trainer(other, arguments("other", Precision.F32).seed(8).build()).train();
    Tensor a = captured.parameters().get("0.weight");
    Tensor b = other.parameters().get("0.weight");
    assertNotEquals(a.toFloats()[0], b.toFloats()[0]);
  }

  @Test
  void there_is_nothing_to_resume_in_an_empty_folder() throws IOException {
    Trainer<?> trainer = trainer(TinyTask.model(1, 0), arguments("none", Precision.F32).build());
    assertFalse(trainer.resume());
  }

  @Test
  void a_stopped_run_saves_and_goes_on_from_there() throws IOException {
    TrainingArguments arguments = arguments("stopped", Precision.F32).saveSteps(100).build();
    Mlp whole = TinyTask.model(1, 0.2);
    trainer(whole, arguments("whole", Precision.F32).build()).train();

    Trainer<?> first = trainer(TinyTask.model(1, 0.2), arguments);
    first.callbacks(
        new TrainerCallback() {
          @Override
          public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
            if (trainer.state().globalStep() == 11) {
              trainer.stop();
            }
          }
        });
    TrainOutput output = first.train();
    assertEquals(11, output.globalStep());
    assertEquals("stopped", output.reason());
    Mlp model = TinyTask.model(5, 0.2);
    Trainer<?> second = trainer(model, arguments);
    assertTrue(second.resume());
    assertEquals(11, second.state().globalStep());
    assertEquals("", second.train().reason());
    assertSameBits(bytes(whole), bytes(model));
  }

  @Test
  void a_checkpoint_that_is_broken_is_passed_over() throws IOException {
    TrainingArguments arguments = arguments("broken", Precision.F32).saveSteps(10).build();
    Trainer<?> trainer = trainer(TinyTask.model(1, 0.2), arguments);
    trainer.train();
    Path newest = folder.resolve("broken/checkpoint-24");
    for (String file :
        new String[] {"model.safetensors", "optimizer.safetensors", "trainer_state.json"}) {
      byte[] bytes = Files.readAllBytes(newest.resolve(file));
      Files.write(newest.resolve(file), java.util.Arrays.copyOf(bytes, bytes.length / 2));
      Trainer<?> resumed = trainer(TinyTask.model(1, 0.2), arguments);
      assertTrue(resumed.resume());
      assertEquals(20, resumed.state().globalStep());
      assertThrows(IOException.class, () -> resumed.resume(newest));
      Files.write(newest.resolve(file), bytes);
    }
    Files.createDirectory(folder.resolve("broken/.gradus-checkpoint-left"));
    Files.writeString(folder.resolve("broken/.gradus-checkpoint-left/x"), "half");
    Trainer<?> resumed = trainer(TinyTask.model(1, 0.2), arguments);
    assertTrue(resumed.resume());
    assertEquals(24, resumed.state().globalStep());
    resumed.train();
    try (Stream<Path> files = Files.list(folder.resolve("broken"))) {
      assertTrue(files.allMatch(file -> file.getFileName().toString().startsWith("checkpoint-")));
    }
  }

  @Test
  void a_checkpoint_of_another_model_changes_nothing() throws IOException {
    TrainingArguments arguments = arguments("other", Precision.F32).build();
    trainer(TinyTask.model(1, 0.2), arguments).train();
    Mlp model = TinyTask.model(3, 0); // without dropout the layers have other numbers
    Map<String, byte[]> before = bytes(model);
    Trainer<?> trainer = trainer(model, arguments);
    var e = assertThrows(IllegalArgumentException.class, trainer::resume);
    assertTrue(e.getMessage().startsWith("resume: the checkpoint is of another model"));
    assertSameBits(before, bytes(model));
    assertEquals(0, trainer.optimizer().steps());
  }

  @Test
  void old_checkpoints_are_neither_mixed_with_new_ones_nor_lost_by_accident() throws IOException {
    TrainingArguments arguments = arguments("old", Precision.F32).build();
    trainer(TinyTask.model(1, 0.2), arguments).train();
    Trainer<?> again = trainer(TinyTask.model(1, 0.2), arguments);
    var e = assertThrows(IllegalStateException.class, again::train);
    assertTrue(e.getMessage().contains("overwriteOutputDir"), e.getMessage());
    assertTrue(Files.exists(folder.resolve("old/checkpoint-24")));
    TrainingArguments over = arguments("old", Precision.F32).overwriteOutputDir(true).build();
    var overAndShort =
        TinyTask.arguments(over.outputDir()).overwriteOutputDir(true).maxSteps(2).build();
    trainer(TinyTask.model(1, 0.2), overAndShort).train();
    assertFalse(Files.exists(folder.resolve("old/checkpoint-24")));
    assertTrue(Files.exists(folder.resolve("old/checkpoint-2")));
  }
}
