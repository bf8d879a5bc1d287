package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.model.Mlp;
import io.gradus.optim.Lbfgs;
import io.gradus.optim.ReduceOnPlateau;
import io.gradus.optim.Schedule;
import io.gradus.optim.Sgd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trainings whose learning rate falls when evaluations no longer improve. */
class ReduceOnPlateauTest {

  @TempDir private Path folder;

  /** A loss that falls is no better here, so that every second evaluation reduces the rate. */
  private TrainingArgumentsBuilder arguments(String name) {
    return TinyTask.arguments(folder.resolve(name))
        .lrSchedulerType(SchedulerType.REDUCE_ON_PLATEAU)
        .warmupSteps(0)
        .plateauFactor(0.5)
        .plateauPatience(1)
        .greaterIsBetter(true);
  }

  private static final class Rates implements TrainerCallback {
    final List<Double> rates = new ArrayList<>();

    @Override
    public void onEpochEnd(Trainer<?> trainer, TrainerControl control) {
      rates.add(trainer.state().learningRate());
    }
  }

  private static List<Double> rates(Mlp model, TrainingArguments arguments) throws IOException {
    Rates rates = new Rates();
    TinyTask.trainer(model, arguments).callbacks(rates).train();
    return rates.rates;
  }

  @Test
  void the_rate_falls_where_evaluations_do_not_improve_and_else_stays() throws IOException {
    double r = 1e-2;
    assertEquals(
        List.of(r, r, r, r / 2, r / 2, r / 4),
        rates(TinyTask.model(1, 0.2), arguments("falls").build()));
    assertEquals(
        List.of(r, r, r, r, r, r),
        rates(TinyTask.model(1, 0.2), arguments("stays").greaterIsBetter(false).build()));
  }

  @Test
  void the_rate_rises_in_a_warm_up_first() throws IOException {
    List<Double> rates = new ArrayList<>();
    TinyTask.trainer(TinyTask.model(1, 0), arguments("warm").warmupSteps(3).maxSteps(5).build())
        .callbacks(
            new TrainerCallback() {
              @Override
              public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
                rates.add(trainer.state().learningRate());
              }
            })
        .train();
    assertEquals(List.of(1e-2 / 4, 1e-2 * 2 / 4, 1e-2 * 3 / 4, 1e-2, 1e-2), rates);
  }

  @Test
  void a_run_killed_at_any_step_ends_with_the_same_bits() throws IOException {
    Mlp whole = TinyTask.model(1, 0.2);
    Trainer<?> uninterrupted = TinyTask.trainer(whole, arguments("whole").build());
    uninterrupted.train();
    for (long kill = 4; kill <= 24; kill++) {
      TrainingArguments arguments =
          arguments("killed" + kill).saveSteps(3).saveTotalLimit(1).build();
      Trainer<?> killed =
          TinyTask.trainer(TinyTask.model(1, 0.2), arguments).callbacks(new ResumeTest.Kill(kill));
      assertThrows(IllegalStateException.class, killed::train);
      Mlp model = TinyTask.model(99, 0.2);
      Trainer<?> resumed = TinyTask.trainer(model, arguments);
      assertTrue(resumed.resume());
      resumed.train();
      ResumeTest.assertSameBits(ResumeTest.bytes(whole), ResumeTest.bytes(model));
      assertEquals(uninterrupted.state().learningRate(), resumed.state().learningRate());
      assertEquals(uninterrupted.optimizer().learningRate(), resumed.optimizer().learningRate());
    }
  }

  @Test
  void the_plateau_of_an_own_optimizer_observes_too() throws IOException {
    TrainingArguments arguments =
        TinyTask.arguments(folder.resolve("own")).saveStrategy(IntervalStrategy.NO).build();
    ReduceOnPlateau plateau =
        ReduceOnPlateau.of(Schedule.constant(0.5)).patience(2).higherIsBetter();
    Mlp model = TinyTask.model(1, 0);
    TinyTask.trainer(model, arguments)
        .optimizer(Sgd.builder().learningRate(plateau).build(model.parameters()))
        .train();
    // Six evaluations: the first is the best, three more reduce, and two are counted.
    assertEquals(0.1, plateau.state().factor());
    assertEquals(2, plateau.state().bad());

    ReduceOnPlateau other = ReduceOnPlateau.of(Schedule.constant(1)).patience(4).higherIsBetter();
    Mlp second = TinyTask.model(1, 0);
    TrainingArguments eager =
        TinyTask.arguments(folder.resolve("closure"))
            .saveStrategy(IntervalStrategy.NO)
            .captureGraph(false)
            .build();
    TinyTask.trainer(second, eager)
        .optimizer(Lbfgs.builder().maxIterations(1).learningRate(other).build(second.parameters()))
        .train();
    assertTrue(other.state().best() > 0);
  }

  @Test
  void a_state_that_cannot_be_changes_nothing() throws IOException {
    TrainingArguments arguments = arguments("broken").build();
    TinyTask.trainer(TinyTask.model(1, 0.2), arguments).train();
    Path file = folder.resolve("broken/checkpoint-24/trainer_state.json");
    String text = Files.readString(file);
    assertTrue(text.contains("\"factor\""), text);
    Files.writeString(file, text.replaceFirst("(\"factor\"\\s*:\\s*)[0-9.]+", "$17"));
    Mlp model = TinyTask.model(3, 0.2);
    Map<String, byte[]> before = ResumeTest.bytes(model);
    Trainer<?> trainer = TinyTask.trainer(model, arguments);
    var e = assertThrows(IllegalArgumentException.class, trainer::resume);
    assertTrue(e.getMessage().startsWith("plateau: this is no state of one"), e.getMessage());
    ResumeTest.assertSameBits(before, ResumeTest.bytes(model));
    assertEquals(0, trainer.state().globalStep());
  }
}
