package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.autograd.Tape;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import org.junit.jupiter.api.Test;

class FeedbackNetworkTest {

  private static final Device CPU = Device.cpu();
  private static final float W = 0.5f; // of the input
  private static final float R = -0.8f; // of what is fed back

  /** {@code s_t = w x_t + r s_{t-d}}, whose gradients are powers of r. */
  private static Linear line() {
    Linear line = new Linear(2, 1, false, CPU, Seed.of(1));
    line.weight().copyFrom(Tensor.of(new float[] {W, R}, 1, 2));
    return line;
  }

  private static final float[] X = {1, -2, 3, 0.5f, 4};

  private static Tensor x() {
    return Tensor.of(X, 1, X.length, 1);
  }

  /** The outputs by hand. */
  private static double[] states(int delay) {
    double[] s = new double[X.length];
    for (int t = 0; t < s.length; t++) {
      s[t] = W * X[t] + (t >= delay ? R * s[t - delay] : 0);
    }
    return s;
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  @Test
  void outputs_come_back_after_the_delay() {
    for (int delay = 1; delay <= 3; delay++) {
      FeedbackNetwork network = new FeedbackNetwork(line(), null, 1, delay, 0);
      Tensor y = network.forward(x());
      assertEquals(Shape.of(1, 5, 1), y.shape());
      assertArrayEquals(floats(states(delay)), y.toFloats(), 1e-6f, "delay " + delay);
    }
  }

  /** {@code ds_t/dr = s_{t-d} + r ds_{t-d}/dr}, which a truncation ends after every k times. */
  @Test
  void gradients_go_through_time_up_to_the_truncation() {
    for (int delay = 1; delay <= 2; delay++) {
      for (int k : new int[] {0, 1, 2, 3, 5, 9}) {
        double[] s = states(delay);
        double[] slope = new double[s.length];
        double want = 0;
        for (int t = 0; t < s.length; t++) {
          if (t >= delay) {
            boolean cut = k > 0 && (t - delay) / k != t / k;
            slope[t] = s[t - delay] + (cut ? 0 : R * slope[t - delay]);
          }
          want += slope[t];
        }
        Linear line = line();
        FeedbackNetwork network = new FeedbackNetwork(line, null, 1, delay, k);
        try (Tape tape = Tape.record()) {
          Tensor y = network.forward(x());
          assertArrayEquals(floats(s), y.toFloats(), 1e-6f, "the same outputs");
          float[] dw = tape.gradients(Reductions.sum(y)).get(line.weight()).toFloats();
          assertEquals(want, dw[1], 1e-5, "delay " + delay + ", truncation " + k);
        }
      }
    }
  }

  @Test
  void a_sequence_in_two_parts_is_the_whole_one() {
    for (int delay = 1; delay <= 3; delay++) {
      FeedbackNetwork network = new FeedbackNetwork(line(), null, 1, delay, 0);
      var first = network.forward(Shapes.narrow(x(), 1, 0, 2), null);
      assertEquals(Shape.of(1, delay, 1), first.feedback().shape());
      var second = network.forward(Shapes.narrow(x(), 1, 2, 3), first.feedback());
      assertArrayEquals(
          network.forward(x()).toFloats(),
          Shapes.concat(1, first.y(), second.y()).toFloats(),
          1e-6f);
    }
  }

  @Test
  void a_readout_gives_the_output_and_the_state_goes_back() {
    Linear readout = new Linear(1, 2, false, CPU, Seed.of(1));
    readout.weight().copyFrom(Tensor.of(new float[] {10, -1}, 2, 1));
    FeedbackNetwork network = new FeedbackNetwork(line(), readout, 1, 1, 0);
    double[] s = states(1);
    double[] want = new double[2 * s.length];
    for (int t = 0; t < s.length; t++) {
      want[2 * t] = 10 * s[t];
      want[2 * t + 1] = -s[t];
    }
    assertArrayEquals(floats(want), network.forward(x()).toFloats(), 1e-5f);
    assertEquals(
        java.util.List.of("inner.weight", "readout.weight"),
        java.util.List.copyOf(network.parameters().names()));
    assertEquals(Shape.of(3, 0, 2), network.forward(Tensor.zeros(3, 0, 1)).shape());
  }

  @Test
  void it_is_an_elman_network_where_its_inner_module_is_one() {
    Rnn rnn = new Rnn(3, 4, CPU, Seed.of(2));
    Linear linear = new Linear(7, 4, CPU, Seed.of(3));
    FeedbackNetwork network = new FeedbackNetwork(new Sequential(linear, new Tanh()), 4);
    Tensor wih = rnn.parameters().get("weight_ih_l0");
    Tensor whh = rnn.parameters().get("weight_hh_l0");
    linear.weight().copyFrom(Shapes.concat(1, wih, whh));
    rnn.parameters().get("bias_ih_l0").copyFrom(linear.bias());
    rnn.parameters().get("bias_hh_l0").fill(0);
    Tensor x = Init.normal(Shape.of(2, 6, 3), 0, 1, Seed.of(4), CPU);
    assertArrayEquals(rnn.forward(x).toFloats(), network.forward(x).toFloats(), 1e-6f);
    try (Tape tape = Tape.record()) {
      var gradients = tape.gradients(Reductions.sum(network.forward(x)));
      Tensor dw = gradients.get(linear.weight());
      try (Tape other = Tape.record()) {
        var same = other.gradients(Reductions.sum(rnn.forward(x)));
        assertArrayEquals(
            Shapes.concat(1, same.get(wih), same.get(whh)).toFloats(), dw.toFloats(), 1e-5f);
      }
    }
  }

  @Test
  void what_does_not_fit_is_refused() {
    FeedbackNetwork network = new FeedbackNetwork(line(), null, 2, 1, 0);
    refused("feedback: needs an input (batch, time, in): (2, 3)", Tensor.zeros(2, 3), network);
    Linear wrong = new Linear(3, 1, CPU, Seed.of(1));
    refused(
        "feedback: the inner module must give (2, 2): (2, 1)",
        Tensor.zeros(2, 3, 1),
        new FeedbackNetwork(wrong, 2));
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> network.forward(Tensor.zeros(2, 3, 1), Tensor.zeros(2, 2, 2)));
    assertEquals(
        "feedback: what is fed back must have the shape (batch, delay, size) (2, 1, 2): (2, 2, 2)",
        e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new FeedbackNetwork(line(), null, 1, 0, 0));
  }

  private static void refused(String message, Tensor x, FeedbackNetwork network) {
    var e = assertThrows(IllegalArgumentException.class, () -> network.forward(x));
    assertEquals(message, e.getMessage());
  }
}
