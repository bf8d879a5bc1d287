package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.TensorDataset;
import io.gradus.nn.Dropout;
import io.gradus.nn.Sequential;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import org.junit.jupiter.api.Test;

class EvaluationTest {

  /** The scores are the inputs, where dropout is off. */
  private final Sequential model = new Sequential(new Dropout(0.9, Seed.of(1)));

  private final TensorDataset data =
      new TensorDataset(
          Tensor.of(new float[] {0, 0, 1, 0, 0, 2}, 3, 2), Tensor.of(new long[] {1, 0, 0}));

  @Test
  void loss_and_accuracy_are_those_of_the_formula_for_any_batch_size() {
    double loss = (Math.log(2) + Math.log(1 + Math.exp(-1)) + Math.log(1 + Math.exp(2))) / 3;
    for (int batchSize = 1; batchSize <= 4; batchSize++) {
      Evaluation evaluation = Evaluation.of(model, data, batchSize);
      assertEquals(loss, evaluation.loss(), 1e-6);
      assertEquals(1 / 3.0, evaluation.accuracy());
      assertEquals(1, evaluation.confusion().count(0, 1));
      assertEquals(1, evaluation.confusion().count(1, 0));
    }
  }

  @Test
  void the_model_is_afterwards_as_it_was() {
    Evaluation.of(model, data, 2);
    assertTrue(model.isTraining());
    model.eval();
    Evaluation.of(model, data, 2);
    assertFalse(model.isTraining());
    model.train();
    TensorDataset wrong = new TensorDataset(data.inputs(), Tensor.of(new long[] {1, 0, 2}));
    assertThrows(IndexOutOfBoundsException.class, () -> Evaluation.of(model, wrong, 3));
    assertTrue(model.isTraining());
  }

  @Test
  void nothing_stays_in_memory() {
    Evaluation.of(model, data, 2);
    long used = Device.cpu().usedBytes();
    for (int i = 0; i < 20; i++) {
      Evaluation.of(model, data, 2);
    }
    assertTrue(Device.cpu().usedBytes() <= used);
  }

  @Test
  void there_must_be_examples() {
    var error =
        assertThrows(
            IllegalArgumentException.class, () -> Evaluation.of(model, data.split(0).train(), 2));
    assertEquals("evaluation: there are no examples", error.getMessage());
  }
}
