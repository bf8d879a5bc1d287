package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.nn.Parameters;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AdafactorTest {

  private static final double EPSILON1 = 1e-3;
  private static final double EPSILON2 = 1e-2;
  private static final double THRESHOLD = 0.8;
  private static final double DECAY = 0.1;

  /** One parameter's way in double, from Shazeer and Stern 2018, algorithms 4 and 5. */
  private static final class Reference {
    final int batch;
    final int rows;
    final int cols;
    final boolean factored;
    final double[] p;
    final double[] row;
    final double[] col;

    Reference(Tensor tensor) {
      int rank = tensor.rank();
      factored = rank >= 2;
      cols = (int) (factored ? tensor.dim(rank - 1) : tensor.size());
      rows = (int) (factored ? tensor.dim(rank - 2) : 1);
      batch = (int) tensor.size() / (rows * cols);
      p = new double[(int) tensor.size()];
      float[] values = tensor.toFloats();
      for (int i = 0; i < p.length; i++) {
        p[i] = values[i];
      }
      row = new double[factored ? batch * rows : p.length];
      col = new double[factored ? batch * cols : 0];
    }

    void step(float[] g, double rate, double decay, int t) {
      double take = Math.pow(t, -0.6);
      if (factored) {
        average(row, take, g, true);
        average(col, take, g, false);
      } else {
        for (int i = 0; i < p.length; i++) {
          row[i] += take * ((double) g[i] * g[i] - row[i]);
        }
      }
      double[] u = new double[p.length];
      double updates = 0;
      double squares = 0;
      for (int i = 0; i < p.length; i++) {
        u[i] = g[i] / Math.sqrt(Math.max(square(i), EPSILON1 * EPSILON1));
        updates += u[i] * u[i];
        squares += p[i] * p[i];
      }
      double relative = Math.max(EPSILON2, Math.sqrt(squares / p.length));
      double clip = Math.max(1, Math.sqrt(updates / p.length) / THRESHOLD);
      for (int i = 0; i < p.length; i++) {
        p[i] -= rate * decay * p[i];
        p[i] -= relative * Math.min(rate, 1 / Math.sqrt(t)) / clip * u[i];
      }
    }

    private double square(int i) {
      if (!factored) {
        return row[i];
      }
      int b = i / (rows * cols);
      double mean = 0;
      for (int r = 0; r < rows; r++) {
        mean += row[b * rows + r] / rows;
      }
      return row[i / cols] * col[b * cols + i % cols] / Math.max(mean, EPSILON1);
    }

    private void average(double[] into, double take, float[] g, boolean ofRows) {
      double[] sums = new double[into.length];
      for (int i = 0; i < g.length; i++) {
        int b = i / (rows * cols);
        sums[ofRows ? i / cols : b * cols + i % cols] += (double) g[i] * g[i];
      }
      for (int i = 0; i < into.length; i++) {
        into[i] += take * (sums[i] / (ofRows ? cols : rows) - into[i]);
      }
    }
  }

  @Test
  void six_steps_follow_the_paper() {
    Random random = new Random(3);
    Map<String, Tensor> parameters = new LinkedHashMap<>();
    parameters.put("bias", tensor(random, 5));
    parameters.put("matrix", tensor(random, 11, 3));
    parameters.put("kernels", tensor(random, 2, 4, 3));
    parameters.put("scalar", tensor(random));
    List<Reference> references = parameters.values().stream().map(Reference::new).toList();
    Schedule rates = steps -> 0.9 / (1 + steps / 3.0);
    Optimizer adafactor =
        Adafactor.builder()
            .learningRate(rates)
            .beta2Decay(-0.6)
            .epsilons(EPSILON1, EPSILON2)
            .clipThreshold(THRESHOLD)
            .weightDecay(DECAY)
            .decayMatricesOnly()
            .build(Parameters.of(parameters));
    for (int t = 1; t <= 6; t++) {
      List<float[]> gradients = new ArrayList<>();
      for (Tensor parameter : parameters.values()) {
        gradients.add(values(random, parameter.size()));
      }
      Step.step(adafactor, List.copyOf(parameters.values()), gradients);
      int i = 0;
      for (Tensor parameter : parameters.values()) {
        Reference reference = references.get(i);
        reference.step(gradients.get(i++), rates.at(t - 1), parameter.rank() < 2 ? 0 : DECAY, t);
        float[] actual = parameter.toFloats();
        for (int e = 0; e < actual.length; e++) {
          assertEquals(reference.p[e], actual[e], 2e-6 * Math.max(1, Math.abs(reference.p[e])));
        }
      }
    }
  }

  @Test
  void matrices_have_a_number_for_each_row_and_column() {
    Random random = new Random(3);
    Map<String, Tensor> parameters = Map.of("w", tensor(random, 2, 4, 3), "b", tensor(random, 5));
    Map<String, Tensor> state = Adafactor.builder().build(Parameters.of(parameters)).state();
    assertEquals(Set.of("w.row_var", "w.col_var", "b.variance"), state.keySet());
    assertEquals(Shape.of(2, 4, 1), state.get("w.row_var").shape());
    assertEquals(Shape.of(2, 1, 3), state.get("w.col_var").shape());
    assertEquals(Shape.of(5), state.get("b.variance").shape());
  }

  @Test
  void settings_out_of_range_are_refused() {
    assertThrows(IllegalArgumentException.class, () -> Adafactor.builder().beta2Decay(0));
    assertThrows(IllegalArgumentException.class, () -> Adafactor.builder().clipThreshold(0));
    assertThrows(IllegalArgumentException.class, () -> Adafactor.builder().epsilons(-1, 0));
    assertThrows(IllegalArgumentException.class, () -> Adadelta.builder().rho(1));
    assertThrows(IllegalArgumentException.class, () -> Adagrad.builder().initialAccumulator(-1));
    assertThrows(IllegalArgumentException.class, () -> RmsProp.builder().alpha(1));
    assertThrows(IllegalArgumentException.class, () -> NAdam.builder().momentumDecay(-1));
    assertThrows(IllegalArgumentException.class, () -> Lion.builder().betas(1, 0));
  }

  private static Tensor tensor(Random random, long... shape) {
    return Tensor.of(values(random, Shape.of(shape).size()), shape).requiresGrad(true);
  }

  private static float[] values(Random random, long count) {
    float[] values = new float[(int) count];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
