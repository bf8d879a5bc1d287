package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.NonFiniteException;
import io.gradus.data.Batch;
import io.gradus.data.Batches;
import io.gradus.model.Mlp;
import io.gradus.nn.BatchNorm1d;
import io.gradus.nn.Dropout;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.nn.Sequential;
import io.gradus.nn.Tanh;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.optim.ClosureOptimizer;
import io.gradus.optim.Lbfgs;
import io.gradus.optim.Newton;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A training with an optimizer that asks for the loss as often as it needs it. */
class ClosureStepTest {

  enum Method {
    LBFGS,
    NEWTON;

    ClosureOptimizer of(Module model) {
      return this == LBFGS
          ? Lbfgs.builder().maxIterations(4).history(5).build(model.parameters())
          : Newton.builder().conjugateGradients(8).damping(1e-2).build(model.parameters());
    }
  }

  @TempDir private Path folder;

  private TrainingArgumentsBuilder arguments(String name) {
    return TinyTask.arguments(folder.resolve(name)).captureGraph(false);
  }

  private static Trainer<?> trainer(Module model, Method method, TrainingArguments arguments) {
    return TinyTask.trainer(model, arguments).optimizer(method.of(model));
  }

  /** Random numbers and running means, which each look at the loss would change. */
  static Module noisy(long seed) {
    Seed from = Seed.of(seed);
    return new Sequential(
        new Linear(TinyTask.FEATURES, 12, Device.cpu(), from.split(0)),
        new BatchNorm1d(12, Device.cpu()),
        new Tanh(),
        new Dropout(0.2, from.split(1)),
        new Linear(12, TinyTask.CLASSES, Device.cpu(), from.split(2)));
  }

  @ParameterizedTest
  @EnumSource(Method.class)
  void it_learns_all_data_in_few_steps(Method method) throws IOException {
    Mlp model = TinyTask.model(1, 0);
    var arguments =
        arguments("out")
            .perDeviceTrainBatchSize(53)
            .gradientAccumulationSteps(1)
            .numTrainEpochs(30)
            .saveStrategy(IntervalStrategy.NO)
            .loggingSteps(1)
            .build();
    Trainer<?> trainer = trainer(model, method, arguments);
    TrainOutput output = trainer.train();
    assertEquals(30, output.globalStep());
    assertEquals(0, output.skippedSteps());
    assertTrue(trainer.state().loss() < 0.05, "loss " + trainer.state().loss());
    var first = trainer.state().logHistory().get(0);
    assertTrue(first.get("grad_norm") > 0 && first.get("learning_rate") == 1, first.toString());
  }

  @ParameterizedTest
  @EnumSource(Method.class)
  void the_step_is_that_of_a_loop_over_the_mean_of_all_its_batches(Method method)
      throws IOException {
    Mlp model = TinyTask.model(1, 0);
    Mlp byHand = TinyTask.model(1, 0);
    var data = TinyTask.data(24, 1);
    var arguments =
        arguments("out")
            .numTrainEpochs(2)
            .evalStrategy(IntervalStrategy.NO)
            .saveStrategy(IntervalStrategy.NO)
            .build();
    Trainer.of(model, Losses::crossEntropy, Batches.of(data, 8), null, arguments)
        .optimizer(method.of(model))
        .train();

    List<Batch> batches = new ArrayList<>();
    Batches.of(data, 8)
        .forEach(batch -> batches.add(new Batch(batch.inputs().copy(), batch.targets().copy())));
    ClosureOptimizer optimizer = method.of(byHand);
    for (int epoch = 0; epoch < 2; epoch++) {
      for (List<Batch> group : List.of(batches.subList(0, 2), batches.subList(2, 3))) {
        optimizer.step(() -> mean(byHand, group));
      }
    }
    ResumeTest.assertSameBits(ResumeTest.bytes(byHand), ResumeTest.bytes(model));
  }

  private static Tensor mean(Mlp model, List<Batch> group) {
    Tensor sum = null;
    for (Batch batch : group) {
      Tensor part = Losses.crossEntropy(model.forward(batch.inputs()), batch.targets());
      sum = sum == null ? part : Pointwise.add(sum, part);
    }
    return Pointwise.mul(sum, 1.0 / group.size());
  }

  @Test
  void each_look_at_the_loss_has_the_same_random_numbers_and_running_means() throws IOException {
    Module model = noisy(1);
    var arguments =
        arguments("out")
            .saveStrategy(IntervalStrategy.NO)
            .evalStrategy(IntervalStrategy.NO)
            .maxSteps(2)
            .build();
    List<Double> looks = new ArrayList<>();
    Trainer.of(
            model,
            (y, target) -> {
              Tensor loss = Losses.crossEntropy(y, target);
              looks.add(loss.item());
              return loss;
            },
            TinyTask.data(53, 1),
            null,
            arguments)
        // The search looks once, at parameters that the step is too short to change.
        .optimizer(Newton.builder().learningRate(1e-20).build(model.parameters()))
        .train();
    assertEquals(8, looks.size());
    assertEquals(looks.subList(0, 2), looks.subList(2, 4));
    assertEquals(looks.subList(4, 6), looks.subList(6, 8));
    assertNotEquals(looks.get(0), looks.get(1));
    assertEquals(4, model.buffers().get("1.num_batches_tracked").toLongs()[0]);
  }

  @ParameterizedTest
  @EnumSource(Method.class)
  void a_run_killed_at_any_step_ends_with_the_same_bits(Method method) throws IOException {
    Module whole = noisy(1);
    Trainer<?> uninterrupted = trainer(whole, method, arguments("whole").build());
    uninterrupted.train();
    // Two batches a step, one in the last of an epoch: each moves the running means once.
    assertEquals(6 * 7, whole.buffers().get("1.num_batches_tracked").toLongs()[0]);
    for (long kill = 4; kill <= 24; kill += 5) {
      TrainingArguments arguments =
          arguments(method + "killed" + kill).saveSteps(3).saveTotalLimit(1).build();
      Trainer<?> killed = trainer(noisy(1), method, arguments).callbacks(new ResumeTest.Kill(kill));
      assertThrows(IllegalStateException.class, killed::train);

      Module model = noisy(99);
      Trainer<?> resumed = trainer(model, method, arguments);
      assertTrue(resumed.resume());
      assertEquals((kill - 1) / 3 * 3, resumed.optimizer().steps());
      resumed.train();
      ResumeTest.assertSameBits(ResumeTest.bytes(whole), ResumeTest.bytes(model));
      assertEquals(uninterrupted.state().trainingLoss(), resumed.state().trainingLoss());
    }
  }

  @ParameterizedTest
  @EnumSource(Method.class)
  void a_checkpoint_in_one_file_holds_it_too(Method method) throws IOException {
    Mlp first = TinyTask.model(1, 0);
    Mlp second = TinyTask.model(2, 0);
    ClosureOptimizer one = method.of(first);
    ClosureOptimizer other = method.of(second);
    try (Tensor x = Tensor.full(0.5, Shape.of(2, TinyTask.FEATURES), DType.F32, Device.cpu());
        Tensor labels = Tensor.of(new long[] {0, 2})) {
      one.step(() -> Losses.crossEntropy(first.forward(x), labels));
      Path file = folder.resolve("one.safetensors");
      Checkpoint.save(file, first, one, Map.of("note", "here"));
      assertEquals(Map.of("note", "here"), Checkpoint.load(file, second, other));
      assertEquals(1, other.steps());
      one.step(() -> Losses.crossEntropy(first.forward(x), labels));
      other.step(() -> Losses.crossEntropy(second.forward(x), labels));
    }
    ResumeTest.assertSameBits(ResumeTest.bytes(first), ResumeTest.bytes(second));
  }

  @Test
  void what_it_cannot_be_combined_with_is_refused_at_the_door() {
    assertEquals(
        "trainer: Lbfgs cannot train where captureGraph is true: it decides by values how often it"
            + " asks for the loss, which no graph can hold; set it to false",
        refusal(b -> b.captureGraph(true)));
    assertTrue(refusal(b -> b.fp16(true)).startsWith("trainer: Lbfgs cannot train where fp16"));
    assertTrue(
        refusal(b -> b.explodingGradNorm(3))
            .startsWith("trainer: Lbfgs cannot train where explodingGradNorm is 3.0"));
  }

  private String refusal(UnaryOperator<TrainingArgumentsBuilder> wrong) {
    Mlp model = TinyTask.model(1, 0);
    TrainingArguments arguments = wrong.apply(arguments("refused")).build();
    return assertThrows(
            IllegalArgumentException.class, () -> trainer(model, Method.LBFGS, arguments))
        .getMessage();
  }

  @ParameterizedTest
  @EnumSource(Method.class)
  void a_checkpoint_of_another_optimizer_changes_nothing(Method method) throws IOException {
    TrainingArguments arguments = arguments("other").maxSteps(4).build();
    TinyTask.trainer(TinyTask.model(1, 0), arguments).train();
    Mlp model = TinyTask.model(3, 0);
    Map<String, byte[]> before = ResumeTest.bytes(model);
    Trainer<?> trainer = trainer(model, method, arguments);
    var e = assertThrows(IllegalArgumentException.class, trainer::resume);
    assertTrue(e.getMessage().startsWith("safetensors: the file does not fit"), e.getMessage());
    ResumeTest.assertSameBits(before, ResumeTest.bytes(model));
    assertEquals(0, trainer.optimizer().steps());
  }

  @ParameterizedTest
  @EnumSource(Method.class)
  void a_loss_that_is_not_finite_leaves_no_trace(Method method) throws IOException {
    int[] steps = {0};
    Module model = noisy(1);
    var arguments =
        arguments("nan").saveStrategy(IntervalStrategy.NO).maxSteps(3).detectAnomaly(true);
    List<String> anomalies = new ArrayList<>();
    Trainer<?> skipping =
        broken(model, method, arguments.nonFinite(NonFinite.SKIP).build(), steps)
            .callbacks(
                new TrainerCallback() {
                  @Override
                  public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
                    steps[0]++;
                    anomalies.add(trainer.state().anomaly());
                  }
                });
    TrainOutput output = skipping.train();
    assertEquals(1, output.skippedSteps());
    assertEquals(2, skipping.optimizer().steps());
    assertEquals(4, model.buffers().get("1.num_batches_tracked").toLongs()[0]);
    assertEquals("", anomalies.get(0));
    assertTrue(
        anomalies.get(1).startsWith("the loss is not finite at update 2: loss NaN"),
        anomalies.get(1));
    assertTrue(anomalies.get(1).contains("; it began with log"), anomalies.get(1));

    Module stopped = noisy(1);
    Map<String, byte[]> before = ResumeTest.bytes(stopped);
    steps[0] = 1;
    Trainer<?> stopping =
        broken(stopped, method, arguments.nonFinite(NonFinite.STOP).build(), steps);
    assertThrows(NonFiniteException.class, stopping::train);
    ResumeTest.assertSameBits(before, ResumeTest.bytes(stopped));
  }

  /** The second step takes the logarithm of what is negative. */
  private static Trainer<?> broken(
      Module model, Method method, TrainingArguments arguments, int... steps) {
    return Trainer.of(
            model,
            (y, target) -> {
              Tensor loss = Losses.crossEntropy(y, target);
              return steps[0] == 1 ? Reductions.mean(Pointwise.log(Pointwise.neg(loss))) : loss;
            },
            TinyTask.data(53, 1),
            TinyTask.data(20, 2),
            arguments)
        .optimizer(method.of(model));
  }
}
