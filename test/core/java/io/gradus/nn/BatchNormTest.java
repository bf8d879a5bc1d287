package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.op.Activations;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Devices;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BatchNormTest {

  private static final Device CPU = Device.cpu();

  static List<Device> devices() {
    return Devices.all();
  }

  private static BatchNorm1d norm(Double momentum, Device device) {
    return new BatchNorm1d(2, 1e-5, momentum, true, device);
  }

  private static void assertRunning(BatchNorm norm, long batches, float[] mean, float[] variance) {
    assertArrayEquals(mean, norm.running().mean().toFloats(), 1e-5f);
    assertArrayEquals(variance, norm.running().variance().toFloats(), 1e-5f);
    assertEquals(batches, norm.running().batches().toLongs()[0]);
  }

  /** Columns of 0, 2 and of 1, 5: their means are 1 and 3, their unbiased variances 2 and 8. */
  private static Tensor first(Device device) {
    return Tensor.of(new float[] {0, 1, 2, 5}, 2, 2).to(device);
  }

  @ParameterizedTest
  @MethodSource("devices")
  void training_normalizes_with_the_batch_and_moves_the_running_statistics(Device device) {
    BatchNorm1d norm = norm(0.1, device);
    assertRunning(norm, 0, new float[] {0, 0}, new float[] {1, 1});
    float[] y = norm.forward(first(device)).toFloats();
    assertArrayEquals(new float[] {-1, -1, 1, 1}, y, 1e-4f);
    assertRunning(norm, 1, new float[] {0.1f, 0.3f}, new float[] {1.1f, 1.7f});
    norm.forward(first(device));
    assertRunning(norm, 2, new float[] {0.19f, 0.57f}, new float[] {1.19f, 2.33f});
  }

  @ParameterizedTest
  @MethodSource("devices")
  void without_a_momentum_the_running_statistics_are_the_average_of_all_batches(Device device) {
    BatchNorm1d norm = norm(null, device);
    norm.forward(first(device));
    assertRunning(norm, 1, new float[] {1, 3}, new float[] {2, 8});
    norm.forward(Pointwise.mul(first(device), 4));
    assertRunning(norm, 2, new float[] {2.5f, 7.5f}, new float[] {17, 68});
    norm.forward(Pointwise.mul(first(device), 0));
    assertRunning(norm, 3, new float[] {5 / 3f, 5}, new float[] {34 / 3f, 136 / 3f});
  }

  @Test
  void evaluation_uses_the_running_statistics_and_leaves_them() {
    BatchNorm2d norm = new BatchNorm2d(1, 0, 0.1, true, CPU);
    norm.running().mean().fill(3);
    norm.running().variance().fill(4);
    norm.weight().fill(10);
    norm.bias().fill(1);
    norm.eval();
    Tensor y = norm.forward(Tensor.of(new float[] {3, 5}, 1, 1, 1, 2));
    assertArrayEquals(new float[] {1, 11}, y.toFloats(), 1e-5f);
    assertRunning(norm, 0, new float[] {3}, new float[] {4});
  }

  @Test
  void one_value_for_each_channel_is_refused_in_training_alone() {
    BatchNorm2d norm = new BatchNorm2d(3, CPU);
    Tensor x = Tensor.ones(1, 3, 1, 1);
    var e = assertThrows(IllegalArgumentException.class, () -> norm.forward(x));
    assertTrue(e.getMessage().contains("more than one value"), e.getMessage());
    assertEquals(0, norm.running().batches().toLongs()[0]);
    norm.eval();
    assertEquals(Shape.of(1, 3, 1, 1), norm.forward(x).shape());
  }

  @Test
  void an_input_of_another_rank_is_refused() {
    var one =
        assertThrows(
            IllegalArgumentException.class,
            () -> new BatchNorm1d(3, CPU).forward(Tensor.ones(2, 3, 4, 5)));
    assertEquals(
        "batchNorm1d: the input must be (batch, channels) or (batch, channels, width):"
            + " (2, 3, 4, 5)",
        one.getMessage());
    var two =
        assertThrows(
            IllegalArgumentException.class,
            () -> new BatchNorm2d(3, CPU).forward(Tensor.ones(2, 3)));
    assertEquals(
        "batchNorm2d: the input must be (batch, channels, height, width): (2, 3)",
        two.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new BatchNorm1d(3, 1e-5, 1.5, true, CPU));
    assertThrows(IllegalArgumentException.class, () -> new BatchNorm1d(0, CPU));
  }

  @Test
  void its_state_has_pytorchs_names_and_comes_back_from_a_file(@TempDir Path folder)
      throws IOException {
    BatchNorm1d norm = norm(0.1, CPU);
    norm.forward(first(CPU));
    assertEquals(
        List.of("weight", "bias", "running_mean", "running_var", "num_batches_tracked"),
        List.copyOf(norm.state().keySet()));
    norm.save(folder.resolve("norm.safetensors"));
    BatchNorm1d other = norm(0.1, CPU);
    other.load(folder.resolve("norm.safetensors"));
    assertRunning(other, 1, new float[] {0.1f, 0.3f}, new float[] {1.1f, 1.7f});
    BatchNorm1d plain = new BatchNorm1d(2, 1e-5, 0.1, false, CPU);
    assertEquals(
        List.of("running_mean", "running_var", "num_batches_tracked"),
        List.copyOf(plain.state().keySet()));
  }

  /** A loss of two layers of batch norm around a nonlinearity. */
  private static Tensor loss(BatchNorm before, BatchNorm after, Tensor x, boolean checkpointed) {
    Tensor hidden =
        checkpointed
            ? Tape.checkpoint(x, in -> Activations.tanh(before.forward(in)))
            : Activations.tanh(before.forward(x));
    Tensor y = after.forward(Pointwise.mul(hidden, hidden));
    return Reductions.sum(Pointwise.mul(y, x));
  }

  @Test
  void a_checkpointed_part_moves_its_statistics_once() {
    Tensor x = Random.normal(Shape.of(7, 2), Seed.of(1), 1, 2, CPU);
    BatchNorm1d[] norms = {norm(0.1, CPU), norm(0.1, CPU), norm(null, CPU), norm(null, CPU)};
    for (int i = 0; i < 2; i++) {
      BatchNorm1d before = norms[i];
      BatchNorm1d after = norms[2 + i];
      try (Tape tape = Tape.record()) {
        Gradients gradients = tape.gradients(loss(before, after, x, i == 1));
        assertTrue(gradients.get(before.weight()).toFloats()[0] != 0);
      }
    }
    for (int i = 0; i < 4; i += 2) {
      assertRunning(
          norms[i + 1],
          1,
          norms[i].running().mean().toFloats(),
          norms[i].running().variance().toFloats());
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void replays_of_a_graph_move_the_statistics_as_steps_do(Device device) {
    for (boolean checkpointed : new boolean[] {false, true}) {
      BatchNorm1d[] eager = {norm(0.1, device), norm(null, device)};
      BatchNorm1d[] captured = {norm(0.1, device), norm(null, device)};
      Tensor[] batches = new Tensor[4];
      for (int i = 0; i < batches.length; i++) {
        batches[i] = Random.normal(Shape.of(5, 2, 3), Seed.of(i), i, 1 + i, device);
      }
      for (Tensor x : batches) {
        step(eager, x, checkpointed);
      }
      try (Graph graph = Graph.capture(in -> step(captured, in[0], checkpointed), batches[0])) {
        for (int i = 1; i < batches.length; i++) {
          graph.replay(batches[i]);
        }
      }
      for (int k = 0; k < 2; k++) {
        assertArrayEquals(
            eager[k].running().mean().toFloats(), captured[k].running().mean().toFloats());
        assertArrayEquals(
            eager[k].running().variance().toFloats(), captured[k].running().variance().toFloats());
        assertEquals(4, captured[k].running().batches().toLongs()[0]);
      }
    }
  }

  private static Tensor step(BatchNorm1d[] norms, Tensor x, boolean checkpointed) {
    try (Tape tape = Tape.record()) {
      Tensor loss = loss(norms[0], norms[1], x, checkpointed);
      return tape.keep(tape.gradients(loss).get(norms[0].weight()));
    }
  }
}
