package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StopRulesTest {

  @TempDir private Path folder;

  private Trainer<?> trainer(TrainingArguments arguments) {
    return TinyTask.trainer(TinyTask.model(1, 0), arguments);
  }

  private TrainingArgumentsBuilder arguments() {
    return TinyTask.arguments(folder).numTrainEpochs(50);
  }

  @Test
  void a_loss_that_is_low_enough_ends_it() throws IOException {
    List<Double> losses = new ArrayList<>();
    Trainer<?> trainer =
        trainer(arguments().saveStrategy(IntervalStrategy.NO).build())
            .callbacks(
                new TrainerCallback() {
                  @Override
                  public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
                    losses.add(trainer.state().loss());
                  }
                },
                StopRules.lossBelow(0.8, 5));
    TrainOutput output = trainer.train();
    assertTrue(output.reason().startsWith("the loss is 0."), output.reason());
    int n = losses.size();
    assertEquals(n, output.globalStep());
    assertTrue(mean(losses.subList(n - 5, n)) <= 0.8);
    assertTrue(mean(losses.subList(n - 6, n - 1)) > 0.8);
    assertThrows(IllegalArgumentException.class, () -> StopRules.lossBelow(1, 0));
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(value -> value).average().orElseThrow();
  }

  @Test
  void no_improvement_ends_it_and_a_resumed_run_counts_on() throws IOException {
    // With this rate the loss of the held-out data rises soon.
    var arguments = arguments().learningRate(0.1).build();
    Trainer<?> whole = trainer(arguments).callbacks(StopRules.noImprovement(4, 0.001));
    TrainOutput output = whole.train();
    assertTrue(output.reason().startsWith("loss no longer improves on"), output.reason());
    long end = output.globalStep();
    assertEquals(end, whole.state().bestStep() + 4 * 4, 4 * 4);

    // Two evaluations before the end, half of the patience is used up.
    Trainer<?> resumed = trainer(arguments).callbacks(StopRules.noImprovement(4, 0.001));
    resumed.resume(folder.resolve("checkpoint-" + (end - 8) / 5 * 5));
    TrainOutput again = resumed.train();
    assertEquals(end, again.globalStep());
    assertEquals(output.reason(), again.reason());
  }

  @Test
  void a_deadline_ends_it_with_a_checkpoint() throws IOException {
    var arguments = arguments().saveSteps(1000).build();
    TrainOutput output = trainer(arguments).callbacks(StopRules.after(Duration.ZERO)).train();
    assertEquals(1, output.globalStep());
    assertEquals("the time is over: PT0S", output.reason());
    assertTrue(trainer(arguments).resume());
  }

  @Test
  void another_thread_ends_it() throws Exception {
    Trainer<?> trainer =
        trainer(arguments().maxSteps(10_000_000).saveStrategy(IntervalStrategy.NO).build());
    Thread stopper =
        new Thread(
            () -> {
              while (trainer.state().globalStep() < 3) {
                Thread.onSpinWait();
              }
              trainer.stop();
            });
    trainer.callbacks(
        new TrainerCallback() {
          @Override
          public void onTrainBegin(Trainer<?> begun, TrainerControl control) {
            stopper.start();
          }

          @Override
          public void onStepEnd(Trainer<?> begun, TrainerControl control) {
            Thread.yield();
          }
        });
    TrainOutput output = trainer.train();
    stopper.join();
    assertEquals("stopped", output.reason());
  }

  @Test
  void progress_is_one_line_that_is_written_over() throws IOException {
    StringBuilder out = new StringBuilder();
    long[] time = {0};
    var arguments =
        arguments().maxSteps(4).saveStrategy(IntervalStrategy.NO).gradientAccumulationSteps(1);
    trainer(arguments.evalStrategy(IntervalStrategy.STEPS).evalSteps(2).build())
        .callbacks(new ProgressCallback(out, () -> time[0] += 500_000_000))
        .train();
    String[] lines = out.toString().split("\n");
    assertEquals(2, lines.length, out::toString);
    String[] first = lines[0].split("\r");
    assertTrue(
        first[1].matches(
            "step 1/4 \\[======------------------\\] 25%  loss \\S+  2\\.0 steps/s  00:02 left *"),
        first[1]);
    assertTrue(first[2].startsWith("step 2/4 [============------------] 50%"), first[2]);
    assertTrue(first[3].matches("step 2  eval_loss \\S+  eval_runtime .*"), first[3]);
    assertTrue(lines[1].contains("00:00 left"), lines[1]);
    assertEquals(first[2].length(), Math.min(first[2].length(), first[3].length()));
  }

  @Test
  void callbacks_may_not_ask_for_more_than_there_is() {
    assertThrows(IllegalArgumentException.class, () -> StopRules.after(Duration.ofSeconds(-1)));
    TrainerCallback rule = StopRules.noImprovement(2, 0);
    assertThrows(IllegalArgumentException.class, () -> rule.restore(Map.of()));
    assertThrows(
        IllegalArgumentException.class,
        () -> rule.restore(Map.of("smaller", "0.5 x 1", "larger", "0.5 1 1")));
  }
}
