package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.NonFiniteException;
import io.gradus.autograd.Tape;
import io.gradus.data.Batch;
import io.gradus.data.BatchSource;
import io.gradus.data.Batches;
import io.gradus.data.TensorDataset;
import io.gradus.nn.Dropout;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NonFiniteTest {

  @TempDir private Path folder;

  /** Counts its forward passes in a buffer, as a running mean would change. */
  private static final class Logarithm extends Module {
    private final Linear linear = child("linear", new Linear(2, 1, Device.cpu(), Seed.of(1)));
    private final Dropout dropout = child("dropout", new Dropout(0.5, Seed.of(2)));
    private final Tensor passes =
        buffer("passes", () -> Tensor.zeros(Shape.of(), DType.F32, Device.cpu()));

    @Override
    public Tensor forward(Tensor x) {
      passes.copyFrom(Pointwise.add(passes, 1));
      return Pointwise.mul(linear.forward(dropout.forward(x)), Pointwise.log(x));
    }
  }

  /** Loss of (n, 2) inputs; the log of a 0 is -infinity. */
  private static Trainer<Batch> trainer(
      Module model, TrainingArguments arguments, float... inputs) {
    long rows = inputs.length / 2;
    var data =
        new TensorDataset(
            Tensor.of(inputs).view(Shape.of(rows, 2), 0),
            Tensor.zeros(Shape.of(rows), DType.F32, Device.cpu()));
    BatchSource<Batch> batches = Batches.of(data, 1);
    return Trainer.of(model, (y, target) -> Reductions.mean(y), batches, null, arguments);
  }

  private TrainingArgumentsBuilder arguments() {
    return TrainingArguments.builder(folder)
        .saveStrategy(IntervalStrategy.NO)
        .learningRate(0.1)
        .numTrainEpochs(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void a_loss_that_is_not_finite_ends_the_training_and_changes_nothing(boolean capture) {
    Logarithm model = new Logarithm();
    Trainer<Batch> trainer =
        trainer(model, arguments().captureGraph(capture).build(), 1, 2, 3, 4, 5, 0, 6, 7);
    List<float[]> weights = new ArrayList<>();
    trainer.callbacks(
        new TrainerCallback() {
          @Override
          public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
            weights.add(model.linear.weight().toFloats());
          }
        });
    var e = assertThrows(NonFiniteException.class, trainer::train);
    assertTrue(
        e.getMessage().startsWith("train: the loss is not finite at update 3: loss"),
        e.getMessage());
    assertTrue(e.getMessage().contains("set detectAnomaly"), e.getMessage());
    assertEquals(2, weights.size());
    assertArrayEquals(weights.get(1), model.linear.weight().toFloats());
    assertEquals(2, trainer.optimizer().steps());
    assertEquals(2, model.passes.item());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void skipped_steps_leave_no_trace_and_are_counted(boolean capture) throws IOException {
    Logarithm model = new Logarithm();
    var arguments = arguments().captureGraph(capture).nonFinite(NonFinite.SKIP);
    Trainer<Batch> trainer = trainer(model, arguments.build(), 1, 2, 3, 0, 5, 0, 6, 7);
    List<String> anomalies = new ArrayList<>();
    trainer.callbacks(
        new TrainerCallback() {
          @Override
          public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
            anomalies.add(trainer.state().anomaly());
          }
        });
    TrainOutput output = trainer.train();
    assertEquals(4, output.globalStep());
    assertEquals(2, output.skippedSteps());
    assertTrue(Double.isFinite(output.trainingLoss()));
    assertEquals(2, trainer.optimizer().steps());
    assertEquals(2, model.passes.item());
    assertEquals("", anomalies.get(0));
    assertTrue(anomalies.get(2).startsWith("the loss is not finite at update 2"));
    assertEquals("", anomalies.get(3));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void the_first_op_is_named_and_the_step_made_again_draws_the_same(boolean capture) {
    Logarithm model = new Logarithm();
    var arguments = arguments().captureGraph(capture).detectAnomaly(true).build();
    Trainer<Batch> trainer = trainer(model, arguments, 1, 2, 3, 0);
    var e = assertThrows(NonFiniteException.class, trainer::train);
    assertTrue(
        e.getMessage()
            .contains(
                "it began with log: its result is not finite: (1, 2) f32 has -Infinity at element"
                    + " 1"),
        e.getMessage());
    assertEquals(2, model.draws().get("dropout.draws").position());
    assertEquals(1, model.passes.item());
  }

  @Test
  void an_input_that_is_not_finite_is_named_itself() {
    var arguments = arguments().detectAnomaly(true).build();
    Trainer<Batch> trainer = trainer(new Logarithm(), arguments, 1, 2, Float.NaN, 3);
    var e = assertThrows(NonFiniteException.class, trainer::train);
    assertTrue(e.getMessage().contains("it began with tensor 0 of the batch"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void a_gradient_that_explodes_changes_nothing(boolean capture) throws IOException {
    Logarithm model = new Logarithm();
    var arguments =
        arguments()
            .captureGraph(capture)
            .explodingGradNorm(50)
            .maxGradNorm(1)
            .nonFinite(NonFinite.SKIP)
            .detectAnomaly(true)
            .build();
    // Whatever dropout drops, the bias has the mean of the logarithms for a gradient.
    float large = (float) Math.exp(80);
    Trainer<Batch> trainer = trainer(model, arguments, 1, 2, large, large);
    float[][] weight = new float[2][];
    String[] anomaly = new String[1];
    trainer.callbacks(
        new TrainerCallback() {
          @Override
          public void onStepEnd(Trainer<?> trainer, TrainerControl control) {
            weight[(int) trainer.state().globalStep() - 1] = model.linear.weight().toFloats();
            anomaly[0] = trainer.state().anomaly();
          }
        });
    trainer.train();
    assertArrayEquals(weight[0], weight[1]);
    assertEquals(1, trainer.state().skippedSteps());
    assertTrue(anomaly[0].startsWith("the gradient is too large at update 2"), () -> anomaly[0]);
    assertTrue(anomaly[0].contains("is larger than 50.0"), () -> anomaly[0]);
  }

  @Test
  void a_tape_names_the_op_whose_gradient_is_the_first_that_is_not_finite() {
    Tensor x = Tensor.of(new float[] {4, 0}).requiresGrad(true);
    try (Tape tape = Tape.recordFinite(Double.POSITIVE_INFINITY)) {
      Tensor loss = Reductions.sum(Pointwise.sqrt(x)); // finite, with an infinite slope at 0
      var e = assertThrows(NonFiniteException.class, () -> tape.gradients(loss));
      assertEquals(
          "sqrt: its gradient is not finite: (2) f32 has Infinity at element 1", e.getMessage());
    }
    try (Tape tape = Tape.recordFinite(Double.POSITIVE_INFINITY)) {
      var e =
          assertThrows(
              NonFiniteException.class,
              () -> Tape.checkpoint(x, in -> Pointwise.div(Pointwise.exp(in), in)));
      assertEquals(
          "div: its result is not finite: (2) f32 has Infinity at element 1", e.getMessage());
      assertFalse(tape.size() > 1);
    }
    try (Tape tape = Tape.recordFinite(2)) {
      Tensor loss = Reductions.sum(Pointwise.mul(x, 3));
      var e = assertThrows(NonFiniteException.class, () -> tape.gradients(loss));
      assertTrue(e.getMessage().startsWith("mul: its gradient is larger than 2.0"));
    }
  }
}
