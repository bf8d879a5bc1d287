package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.nn.Parameters;
import io.gradus.op.Activations;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.tensor.Device;
import io.gradus.tensor.Devices;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every optimizer: captured, resumed, skipped and shrunk. */
class OptimizerVariantsTest {

  static Stream<Variant> variants() {
    return Variant.all();
  }

  /** A small network, its optimizer with a schedule and two groups, and a step of both. */
  private static final class Training {
    final Map<String, Tensor> parameters = new LinkedHashMap<>();
    final Optimizer optimizer;

    Training(Variant variant) {
      this(variant, Device.cpu());
    }

    Training(Variant variant, Device device) {
      put(device, "first", 0, 7, 5);
      put(device, "bias", 1, 5);
      put(device, "kernels", 2, 3, 5, 2);
      Schedule schedule = Schedule.warmupCosine(0.05, 2, 12);
      optimizer =
          variant
              .settings()
              .get()
              .learningRate(schedule)
              .weightDecay(0.1)
              .group("bias"::equals, 0.5, 0)
              .build(Parameters.of(parameters));
    }

    private void put(Device device, String name, long seed, long... shape) {
      parameters.put(name, normal(seed, Shape.of(shape)).to(device).requiresGrad(true));
    }

    Tensor step(Tensor x) {
      try (Tape tape = Tape.record()) {
        Tensor h = LinearAlgebra.matmul(x, parameters.get("first"));
        h = Pointwise.add(h, parameters.get("bias"));
        Tensor kernels = Shapes.reshape(parameters.get("kernels"), 5, 6);
        Tensor y = Activations.tanh(LinearAlgebra.matmul(h, kernels));
        Tensor loss = Reductions.mean(Pointwise.mul(y, y));
        optimizer.step(tape.gradients(loss).clipNorm(1));
        return tape.keep(loss);
      }
    }

    void assertSameAs(Training other) {
      assertEquals(other.optimizer.steps(), optimizer.steps());
      parameters.forEach(
          (name, tensor) ->
              assertArrayEquals(other.parameters.get(name).toFloats(), tensor.toFloats(), name));
      Map<String, Tensor> state = other.optimizer.state();
      assertEquals(state.keySet(), optimizer.state().keySet());
      optimizer
          .state()
          .forEach(
              (name, tensor) ->
                  assertArrayEquals(state.get(name).toFloats(), tensor.toFloats(), name));
    }
  }

  private static Tensor normal(long seed, Shape shape) {
    return Random.normal(shape, Seed.of(seed), 0, 1, Device.cpu());
  }

  private static Tensor input(long seed) {
    return normal(100 + seed, Shape.of(4, 7));
  }

  @ParameterizedTest
  @MethodSource("variants")
  void a_replayed_run_is_an_eager_one_bit_for_bit(Variant variant) {
    for (Device device : Devices.all()) {
      Training eager = new Training(variant, device);
      Training captured = new Training(variant, device);
      for (int i = 0; i < 12; i++) {
        eager.step(input(i).to(device));
      }
      Graph.Step step = in -> captured.step(in[0]);
      try (Graph graph = Graph.capture(step, input(0).to(device))) {
        for (int i = 1; i < 12; i++) {
          graph.replay(input(i).to(device));
        }
      }
      captured.assertSameAs(eager);
    }
  }

  @ParameterizedTest
  @MethodSource("variants")
  void a_resumed_run_is_one_without_a_break_bit_for_bit(Variant variant) {
    Training whole = new Training(variant);
    for (int i = 0; i < 5; i++) {
      whole.step(input(i));
    }
    Training resumed = new Training(variant);
    resumed.step(input(7)); // another past, to be forgotten
    resumed.parameters.forEach((name, tensor) -> tensor.copyFrom(whole.parameters.get(name)));
    resumed.optimizer.restore(whole.optimizer.steps(), whole.optimizer.updates());
    Map<String, Tensor> state = whole.optimizer.state();
    resumed.optimizer.state().forEach((name, tensor) -> tensor.copyFrom(state.get(name)));
    for (int i = 5; i < 12; i++) {
      whole.step(input(i));
      resumed.step(input(i));
    }
    resumed.assertSameAs(whole);
  }

  @ParameterizedTest
  @MethodSource("variants")
  void what_is_left_after_a_freeze_goes_on_as_before(Variant variant) {
    Training whole = new Training(variant);
    Training part = new Training(variant);
    for (int i = 0; i < 6; i++) {
      if (i == 3) {
        Parameters.of(part.parameters).freeze("bias"::equals);
      }
      // Prescribed gradients: those of the rest do not depend on what was frozen.
      List<float[]> gradients = List.of(values(i, 35), values(i, 5), values(i, 30));
      Step.step(whole.optimizer, List.copyOf(whole.parameters.values()), gradients);
      Step.step(part.optimizer, List.copyOf(part.parameters.values()), gradients);
    }
    for (String name : List.of("first", "kernels")) {
      assertArrayEquals(
          whole.parameters.get(name).toFloats(), part.parameters.get(name).toFloats(), name);
    }
    assertFalse(part.optimizer.state().keySet().stream().anyMatch(n -> n.startsWith("bias")));
  }

  private static float[] values(int seed, long size) {
    return normal(seed, Shape.of(size)).toFloats();
  }

  @ParameterizedTest
  @MethodSource("variants")
  void a_step_whose_gradients_are_not_finite_changes_nothing(Variant variant) {
    Training run = new Training(variant);
    run.step(input(0));
    Map<String, float[]> before = new LinkedHashMap<>();
    run.parameters.forEach((name, tensor) -> before.put(name, tensor.toFloats()));
    float[] broken = values(3, 35);
    broken[4] = Float.NaN;
    Step.step(
        run.optimizer,
        List.copyOf(run.parameters.values()),
        List.of(broken, values(1, 5), values(2, 30)),
        gradients -> gradients.clipFinite(1).gradients());
    run.parameters.forEach(
        (name, tensor) -> assertArrayEquals(before.get(name), tensor.toFloats(), name));
  }
}
