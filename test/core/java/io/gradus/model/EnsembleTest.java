package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.GradCheck;
import io.gradus.model.Ensemble.Average;
import io.gradus.nn.Linear;
import io.gradus.op.Losses;
import io.gradus.op.Random;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EnsembleTest {

  private static List<Linear> members() {
    return List.of(
        new Linear(4, 3, Device.cpu(), Seed.of(1)),
        new Linear(4, 3, Device.cpu(), Seed.of(2)),
        new Linear(4, 3, Device.cpu(), Seed.of(3)));
  }

  private static Tensor x() {
    return Random.normal(Shape.of(5, 4), Seed.of(4), 0, 3, Device.cpu());
  }

  @Test
  void logits_are_averaged() {
    List<Linear> members = members();
    float[] y = new Ensemble(Average.LOGITS, members).forward(x()).toFloats();
    for (int i = 0; i < y.length; i++) {
      double sum = 0;
      for (Linear member : members) {
        sum += member.forward(x()).toFloats()[i];
      }
      assertEquals(sum / 3, y[i], 1e-6);
    }
  }

  @Test
  void probabilities_are_averaged_and_their_logarithms_given() {
    List<Linear> members = members();
    float[] y = new Ensemble(Average.PROBABILITIES, members).forward(x()).toFloats();
    for (int row = 0; row < 5; row++) {
      double[] want = new double[3];
      for (Linear member : members) {
        float[] scores = member.forward(x()).toFloats();
        double sum = 0;
        for (int c = 0; c < 3; c++) {
          sum += Math.exp(scores[3 * row + c]);
        }
        for (int c = 0; c < 3; c++) {
          want[c] += Math.exp(scores[3 * row + c]) / sum / 3;
        }
      }
      for (int c = 0; c < 3; c++) {
        assertEquals(Math.log(want[c]), y[3 * row + c], 1e-5);
      }
    }
  }

  @Test
  void probabilities_too_small_for_a_float_keep_their_logarithms() {
    Linear sure = new Linear(1, 2, false, Device.cpu(), Seed.of(1));
    sure.weight().copyFrom(Tensor.of(new float[] {500, -500}, 2, 1));
    Ensemble ensemble = new Ensemble(Average.PROBABILITIES, List.of(sure, sure));
    assertArrayEquals(
        new float[] {0, -1000}, ensemble.forward(Tensor.ones(1, 1)).toFloats(), 1e-3f);
  }

  @Test
  void gradients_reach_all_members() {
    for (Average average : Average.values()) {
      Ensemble ensemble = new Ensemble(average, members());
      Tensor labels = Tensor.of(new int[] {0, 1, 2, 1, 0});
      GradCheck.check(x -> Losses.crossEntropy(ensemble.forward(x[0]), labels), x());
      assertEquals(3 * (4 * 3 + 3), ensemble.parameters().count());
      assertTrue(ensemble.parameters().asMap().containsKey("members.2.weight"));
    }
  }

  @Test
  void it_is_saved_and_loaded_as_one(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("ensemble.safetensors");
    Ensemble ensemble = new Ensemble(Average.LOGITS, members());
    ensemble.save(file);
    Ensemble other =
        new Ensemble(
            Average.LOGITS,
            List.of(
                new Linear(4, 3, Device.cpu(), Seed.of(7)),
                new Linear(4, 3, Device.cpu(), Seed.of(8)),
                new Linear(4, 3, Device.cpu(), Seed.of(9))));
    other.load(file);
    assertArrayEquals(ensemble.forward(x()).toFloats(), other.forward(x()).toFloats());
  }

  @Test
  void there_must_be_a_member() {
    assertEquals(
        "ensemble: there must be one member or more",
        assertThrows(IllegalArgumentException.class, () -> new Ensemble(Average.LOGITS, List.of()))
            .getMessage());
  }
}
