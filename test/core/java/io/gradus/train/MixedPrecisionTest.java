package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.NonFiniteException;
import io.gradus.data.Batch;
import io.gradus.model.Mlp;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MixedPrecisionTest {

  @TempDir private Path folder;

  private TrainingArgumentsBuilder arguments(DType type) {
    return TinyTask.arguments(folder)
        .numTrainEpochs(10)
        .saveStrategy(IntervalStrategy.NO)
        .bf16(type == DType.BF16)
        .fp16(type == DType.F16);
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void it_learns_what_f32_learns_with_parameters_in_f32(DType type) throws IOException {
    Mlp exact = TinyTask.model(1, 0);
    double expected = TinyTask.trainer(exact, arguments(DType.F32).build()).train().trainingLoss();
    Mlp model = TinyTask.model(1, 0);
    List<DType> outputs = new ArrayList<>();
    Trainer<Batch> trainer =
        Trainer.of(
            model,
            (y, target) -> {
              outputs.add(y.dtype());
              return Losses.crossEntropy(y, target);
            },
            TinyTask.data(53, 1),
            TinyTask.data(20, 2),
            arguments(type).build());
    TrainOutput output = trainer.train();
    assertEquals(expected, output.trainingLoss(), 0.02 * expected);
    assertTrue(output.trainingLoss() != expected);
    assertEquals(0, output.skippedSteps());
    assertTrue(outputs.stream().allMatch(DType.F32::equals));
    for (Tensor parameter : model.parameters().tensors()) {
      assertEquals(DType.F32, parameter.dtype());
    }
  }

  @Test
  void gradients_that_would_vanish_in_f16_are_saved_by_the_scale() throws IOException {
    // The loss is so small that its gradients underflow in F16; Adam's steps do not depend on it.
    double tiny = 1e-7;
    double[] moved = new double[2];
    for (int scaled = 0; scaled < 2; scaled++) {
      Mlp model = TinyTask.model(1, 0);
      Tensor weight = model.parameters().get("0.weight");
      Tensor before = weight.copy();
      Trainer<Batch> trainer =
          Trainer.of(
                  model,
                  (y, target) -> Pointwise.mul(Losses.crossEntropy(y, target), tiny),
                  TinyTask.data(53, 1),
                  TinyTask.data(20, 2),
                  arguments(DType.F16).adamEpsilon(1e-12).weightDecay(0).build())
              .gradScaler(new GradScaler(scaled == 0 ? 1 : 0x1p20, 2, 0.5, 1000));
      trainer.train();
      float[] difference = Pointwise.abs(Pointwise.sub(weight, before)).toFloats();
      for (float d : difference) {
        moved[scaled] = Math.max(moved[scaled], d);
      }
    }
    assertEquals(0, moved[0]);
    assertTrue(moved[1] > 0.01, () -> "moved by " + moved[1]);
  }

  @Test
  void an_overflow_is_skipped_and_not_taken_for_an_anomaly() throws IOException {
    Trainer<?> trainer =
        TinyTask.trainer(TinyTask.model(1, 0), arguments(DType.F16).detectAnomaly(true).build());
    GradScaler scaler = new GradScaler(0x1p40, 2, 0x1p-4, 1000);
    trainer.gradScaler(scaler);
    TrainOutput output = trainer.train();
    assertTrue(output.skippedSteps() > 3, output::toString);
    assertTrue(output.skippedSteps() < output.globalStep());
    assertEquals(0x1p40 * Math.pow(0x1p-4, output.skippedSteps()), scaler.scale());
    assertEquals(output.globalStep() - output.skippedSteps(), trainer.optimizer().steps());
  }

  @Test
  void a_loss_that_is_not_finite_is_no_matter_of_the_scale() {
    Trainer<Batch> trainer =
        Trainer.of(
            TinyTask.model(1, 0),
            (y, target) -> Pointwise.log(Pointwise.mul(Losses.crossEntropy(y, target), 0)),
            TinyTask.data(53, 1),
            TinyTask.data(20, 2),
            arguments(DType.F16).build());
    var e = assertThrows(NonFiniteException.class, trainer::train);
    assertTrue(e.getMessage().startsWith("train: the loss is not finite"), e.getMessage());
  }

  @Test
  void a_step_that_reads_a_value_needs_to_run_without_a_graph() throws IOException {
    var arguments = arguments(DType.F32).build();
    TrainingLoss reads =
        (y, target) -> {
          Tensor loss = Losses.crossEntropy(y, target);
          return loss.item() > 1e9 ? Pointwise.mul(loss, 0) : loss;
        };
    Trainer<Batch> trainer =
        Trainer.of(
            TinyTask.model(1, 0), reads, TinyTask.data(53, 1), TinyTask.data(9, 2), arguments);
    var e = assertThrows(RuntimeException.class, trainer::train);
    assertTrue(
        e.getMessage().contains("cannot be read inside a step that is captured"), e.getMessage());
    Trainer<Batch> eager =
        Trainer.of(
            TinyTask.model(1, 0),
            reads,
            TinyTask.data(53, 1),
            TinyTask.data(9, 2),
            arguments(DType.F32).captureGraph(false).build());
    assertEquals(40, eager.train().globalStep());
  }
}
