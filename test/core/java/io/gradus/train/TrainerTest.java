package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.data.Batch;
import io.gradus.data.Batches;
import io.gradus.metric.Metric;
import io.gradus.model.Mlp;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.optim.Sgd;
import io.gradus.report.RunLog;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {

  @TempDir private Path folder;

  private TrainingArgumentsBuilder arguments() {
    return TinyTask.arguments(folder.resolve("out")).saveStrategy(IntervalStrategy.NO);
  }

  /** The share of right predictions, and whether the model was in evaluation. */
  private static final class Right implements Metric {
    private long right;
    private long all;

    @Override
    public void add(Tensor predictions, Tensor targets) {
      long[] labels = targets.toLongs();
      float[] scores = predictions.toFloats();
      for (int i = 0; i < labels.length; i++) {
        int best = 0;
        for (int j = 1; j < TinyTask.CLASSES; j++) {
          best = scores[i * TinyTask.CLASSES + j] > scores[i * TinyTask.CLASSES + best] ? j : best;
        }
        right += best == labels[i] ? 1 : 0;
        all++;
      }
    }

    @Override
    public Map<String, Double> values() {
      return Map.of("accuracy", (double) right / all);
    }

    @Override
    public void reset() {
      right = 0;
      all = 0;
    }
  }

  /** Notes what it hears. */
  private static final class Ear implements TrainerCallback {
    final List<String> heard = new ArrayList<>();

    private void hear(String what, Trainer<?> trainer) {
      heard.add(what + " " + trainer.state().globalStep());
    }

    @Override
    public void onTrainBegin(Trainer<?> trainer, TrainerControl control) {
      hear("begin", trainer);
    }

    @Override
    public void onTrainEnd(Trainer<?> trainer, TrainerControl control) {
      hear("end", trainer);
    }

    @Override
    public void onEpochBegin(Trainer<?> trainer, TrainerControl control) {
      hear("epoch", trainer);
    }

    @Override
    public void onEpochEnd(Trainer<?> trainer, TrainerControl control) {
      hear("epoch end", trainer);
    }

    @Override
    public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
      assertTrue(trainer.model().isTraining());
      hear("step", trainer);
      if (trainer.state().globalStep() == 1) {
        control.log();
        control.evaluate();
        control.save();
      }
    }

    @Override
    public void onEvaluate(
        Trainer<?> trainer, TrainerControl control, Map<String, Double> metrics) {
      assertTrue(metrics.containsKey("eval_loss"));
      hear("evaluate", trainer);
    }

    @Override
    public void onSave(Trainer<?> trainer, TrainerControl control, Path checkpoint) {
      hear("save " + checkpoint.getFileName(), trainer);
    }

    @Override
    public void onLog(Trainer<?> trainer, TrainerControl control, Map<String, Double> values) {
      hear("log " + (values.containsKey("loss") ? "loss" : "eval"), trainer);
    }
  }

  @Test
  void a_model_learns_in_a_few_lines() throws IOException {
    Mlp model = TinyTask.model(1, 0);
    var arguments =
        arguments()
            .numTrainEpochs(30)
            .perDeviceTrainBatchSize(32)
            .gradientAccumulationSteps(1)
            .build();
    Trainer<Batch> trainer =
        Trainer.of(
                model,
                Losses::crossEntropy,
                TinyTask.data(1000, 1),
                TinyTask.data(300, 2),
                arguments)
            .metrics(new Right());
    double before = trainer.evaluate().get("eval_accuracy");
    TrainOutput output = trainer.train();
    assertEquals(960, output.globalStep());
    assertTrue(before < 0.6, () -> "before " + before);
    assertTrue(output.metrics().get("eval_accuracy") > 0.85, output::toString);
    assertTrue(output.trainingLoss() < 0.6, output::toString);
    assertEquals(30_000, Math.round(output.samplesPerSecond() * output.runtime()));
    assertEquals(960, Math.round(output.stepsPerSecond() * output.runtime()));
    assertNull(output.bestCheckpoint());
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void callbacks_hear_everything_in_order_and_get_what_they_ask_for() throws IOException {
    Ear ear = new Ear();
    var arguments =
        TinyTask.arguments(folder).numTrainEpochs(1.5).loggingSteps(4).saveSteps(100).build();
    TinyTask.trainer(TinyTask.model(1, 0), arguments).callbacks(ear).train();
    assertEquals(
        List.of(
            "begin 0",
            "epoch 0",
            "step 1",
            "log loss 1",
            "log eval 1",
            "evaluate 1",
            "save checkpoint-1 1",
            "step 2",
            "step 3",
            "step 4",
            "epoch end 4",
            "log loss 4",
            "log eval 4",
            "evaluate 4",
            "epoch 4",
            "step 5",
            "step 6",
            "log loss 6",
            "log eval 6",
            "evaluate 6",
            "save checkpoint-6 6",
            "end 6"),
        ear.heard);
  }

  /** Is best at its third evaluation. */
  private static final class Peak implements Metric {
    private int evaluations;

    @Override
    public void add(Tensor predictions, Tensor targets) {}

    @Override
    public Map<String, Double> values() {
      return Map.of("score", evaluations == 3 ? 1.0 : 0.5);
    }

    @Override
    public void reset() {
      evaluations++;
    }
  }

  @Test
  void the_best_model_is_kept_whatever_the_limit_and_loaded_in_the_end() throws IOException {
    Mlp model = TinyTask.model(1, 0);
    List<Double> losses = new ArrayList<>();
    var arguments =
        TinyTask.arguments(folder)
            .numTrainEpochs(8)
            .saveStrategy(IntervalStrategy.EPOCH)
            .saveTotalLimit(2)
            .loadBestModelAtEnd(true)
            .metricForBestModel("eval_score")
            .build();
    Trainer<?> trainer = TinyTask.trainer(model, arguments).metrics(new Peak());
    trainer.callbacks(
        new TrainerCallback() {
          @Override
          public void onEvaluate(
              Trainer<?> trainer, TrainerControl control, Map<String, Double> metrics) {
            losses.add(metrics.get("eval_loss"));
          }
        });
    TrainOutput output = trainer.train();
    assertEquals(folder.resolve("checkpoint-12"), output.bestCheckpoint());
    assertEquals(1.0, trainer.state().bestMetric());
    assertEquals(12, trainer.state().bestStep());
    assertEquals(losses.get(2), trainer.evaluate().get("eval_loss"));
    assertEquals(List.of("checkpoint-12", "checkpoint-32"), names());
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .sorted((a, b) -> a.length() != b.length() ? a.length() - b.length() : a.compareTo(b))
          .toList();
    }
  }

  @Test
  void a_metric_that_there_is_not_is_refused_by_name() {
    var arguments = arguments().metricForBestModel("accuracy").build();
    Trainer<?> trainer = TinyTask.trainer(TinyTask.model(1, 0), arguments);
    var e = assertThrows(IllegalArgumentException.class, trainer::train);
    assertTrue(e.getMessage().startsWith("trainer: metricForBestModel is accuracy, and there are"));
  }

  @Test
  void workers_and_recomputed_parts_change_no_bit() throws IOException {
    Mlp plain = TinyTask.model(1, 0.2);
    TinyTask.trainer(plain, arguments().build()).train();
    Mlp other = TinyTask.model(1, 0.2);
    var arguments = arguments().dataloaderNumWorkers(2).gradientCheckpointing(true).build();
    TinyTask.trainer(other, arguments).train();
    ResumeTest.assertSameBits(ResumeTest.bytes(plain), ResumeTest.bytes(other));
  }

  @Test
  void settings_that_cannot_work_are_refused_at_the_door() {
    Module linear = new Linear(TinyTask.FEATURES, 3, Device.cpu(), Seed.of(1));
    var checkpointing = arguments().gradientCheckpointing(true).build();
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                Trainer.of(
                    linear,
                    Losses::crossEntropy,
                    TinyTask.data(9, 1),
                    TinyTask.data(9, 1),
                    checkpointing));
    assertTrue(e.getMessage().contains("Linear; let it implement Checkpointed"), e.getMessage());
    var plain = arguments().build();
    e =
        assertThrows(
            IllegalArgumentException.class,
            () -> Trainer.of(linear, Losses::crossEntropy, TinyTask.data(9, 1), null, plain));
    assertTrue(e.getMessage().startsWith("trainer: evalStrategy is EPOCH"), e.getMessage());
    Trainer<?> trainer = TinyTask.trainer(TinyTask.model(1, 0), plain);
    assertThrows(IllegalStateException.class, () -> trainer.gradScaler(new GradScaler()));
    assertThrows(
        IllegalArgumentException.class,
        () ->
            Trainer.of(
                linear, Losses::crossEntropy, TinyTask.data(0, 1), TinyTask.data(9, 1), plain));
    Trainer<Batch> noEval =
        Trainer.of(
            linear,
            Losses::crossEntropy,
            TinyTask.data(9, 1),
            null,
            arguments().evalStrategy(IntervalStrategy.NO).build());
    assertThrows(IllegalStateException.class, noEval::evaluate);
    Trainer<Batch> wrong =
        Trainer.of(linear, (y, target) -> y, TinyTask.data(9, 1), TinyTask.data(9, 1), plain);
    e = assertThrows(IllegalArgumentException.class, wrong::train);
    assertTrue(e.getMessage().startsWith("train: the loss must be one number"), e.getMessage());
  }

  @Test
  void the_step_is_that_of_a_loop_written_by_hand() throws IOException {
    Mlp model = TinyTask.model(1, 0);
    Mlp byHand = TinyTask.model(1, 0);
    var data = TinyTask.data(24, 1);
    var arguments =
        arguments().numTrainEpochs(2).maxGradNorm(0.1).evalStrategy(IntervalStrategy.NO).build();
    var sgd = Sgd.builder().learningRate(0.5).momentum(0.9).build(model.parameters());
    Trainer.of(model, Losses::crossEntropy, Batches.of(data, 8), null, arguments)
        .optimizer(sgd)
        .train();

    var optimizer = Sgd.builder().learningRate(0.5).momentum(0.9).build(byHand.parameters());
    for (int epoch = 0; epoch < 2; epoch++) {
      List<Batch> batches = new ArrayList<>();
      Batches.of(data, 8)
          .forEach(batch -> batches.add(new Batch(batch.inputs().copy(), batch.targets().copy())));
      for (List<Batch> group : List.of(batches.subList(0, 2), batches.subList(2, 3))) {
        try (var tape = Tape.record()) {
          Tensor loss = null;
          for (Batch batch : group) {
            Tensor part = Losses.crossEntropy(byHand.forward(batch.inputs()), batch.targets());
            loss = loss == null ? part : Pointwise.add(loss, part);
          }
          Tensor mean = Pointwise.mul(loss, 1.0 / group.size());
          optimizer.step(tape.gradients(mean).clipNorm(0.1));
        }
      }
    }
    model
        .parameters()
        .asMap()
        .forEach(
            (name, tensor) -> {
              float[] expected = byHand.parameters().get(name).toFloats();
              float[] actual = tensor.toFloats();
              for (int i = 0; i < expected.length; i++) {
                assertEquals(expected[i], actual[i], 1e-6, name);
              }
            });
  }

  @Test
  void weight_decay_spares_what_has_one_axis() {
    Trainer<?> trainer =
        TinyTask.trainer(TinyTask.model(1, 0), arguments().weightDecay(0.3).build());
    // Two groups of settings are two flat buffers: a bias no longer lies beside its weight.
    var parameters = trainer.model().parameters();
    trainer.optimizer();
    assertTrue(parameters.get("0.weight").sharesMemoryWith(parameters.get("2.weight")));
    assertTrue(parameters.get("0.bias").sharesMemoryWith(parameters.get("2.bias")));
    assertFalse(parameters.get("0.weight").sharesMemoryWith(parameters.get("0.bias")));
  }

  @Test
  void logs_get_the_figures_under_the_names_of_their_groups() throws IOException {
    Map<String, List<Long>> seen = new LinkedHashMap<>();
    int[] flushed = new int[1];
    RunLog log =
        new RunLog() {
          @Override
          public void scalars(long step, Map<String, Double> values) {
            values.forEach(
                (name, value) -> {
                  assertFalse(value.isNaN(), name);
                  seen.computeIfAbsent(name, any -> new ArrayList<>()).add(step);
                });
          }

          @Override
          public void flush() {
            flushed[0]++;
          }

          @Override
          public void close() {
            throw new AssertionError("who opened it closes it");
          }
        };
    Path board = folder.resolve("board");
    var arguments = arguments().numTrainEpochs(2).loggingFirstStep(true).loggingDir(board).build();
    Trainer<?> trainer = TinyTask.trainer(TinyTask.model(1, 0), arguments).logs(log);
    trainer.train();
    assertEquals(List.of(1L, 3L, 6L, 8L), seen.get("train/loss"));
    assertEquals(seen.get("train/loss"), seen.get("train/grad_norm"));
    assertEquals(seen.get("train/loss"), seen.get("train/learning_rate"));
    assertEquals(List.of(4L, 8L), seen.get("eval/loss"));
    assertEquals(1, flushed[0]);
    assertEquals(6, trainer.state().logHistory().size());
    try (Stream<Path> files = Files.list(board)) {
      assertTrue(files.anyMatch(file -> file.getFileName().toString().contains("tfevents")));
    }
  }

  @Test
  void a_log_has_the_mean_loss_since_the_one_before() throws IOException {
    Mlp model = TinyTask.model(1, 0);
    var arguments = arguments().loggingSteps(2).evalStrategy(IntervalStrategy.NO).build();
    Trainer<Batch> trainer =
        Trainer.of(
            model,
            (y, target) -> Reductions.mean(Pointwise.mul(y, y)),
            TinyTask.data(53, 1),
            null,
            arguments);
    List<Double> losses = new ArrayList<>();
    trainer.callbacks(
        new TrainerCallback() {
          @Override
          public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
            losses.add(trainer.state().loss());
          }

          @Override
          public void onLog(Trainer<?> trainer, TrainerControl control, Map<String, Double> v) {
            int n = losses.size();
            assertEquals((losses.get(n - 1) + losses.get(n - 2)) / 2, v.get("loss"), 1e-12);
            assertEquals(n, v.get("step"));
          }
        });
    trainer.train();
    double mean = losses.stream().mapToDouble(loss -> loss).average().orElseThrow();
    assertEquals(mean, trainer.state().trainingLoss(), 1e-12);
  }
}
