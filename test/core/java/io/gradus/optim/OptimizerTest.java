package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.nn.Parameters;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class OptimizerTest {

  private final Tensor a = parameter(1, 2, 3);
  private final Tensor b = parameter(4, 5);
  private final Tensor c = parameter(6);
  private final List<Tensor> all = List.of(a, b, c);
  private final List<float[]> ones =
      List.of(new float[] {1, 1, 1}, new float[] {1, 1}, new float[] {1});
  private final Parameters parameters = parameters(a, b, c);

  private static Tensor parameter(float... values) {
    return Tensor.of(values).requiresGrad(true);
  }

  private static Parameters parameters(Tensor... tensors) {
    Map<String, Tensor> named = new LinkedHashMap<>();
    for (Tensor tensor : tensors) {
      named.put(Character.toString('a' + named.size()), tensor);
    }
    return Parameters.of(named);
  }

  private static Optimizer sgd(Parameters parameters) {
    return Sgd.builder().learningRate(1).build(parameters);
  }

  // Buffers

  @Test
  void building_one_moves_the_parameters_into_one_buffer() {
    sgd(parameters);
    assertTrue(a.sharesMemoryWith(b) && b.sharesMemoryWith(c));
    assertEquals(6, a.blockSize());
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, a.block().toFloats());
  }

  @Test
  void buffers_outlive_the_tape_in_which_an_optimizer_is_built() {
    Optimizer optimizer;
    try (Tape tape = Tape.record()) {
      optimizer = Sgd.builder().learningRate(1).momentum(0.5).build(parameters);
      assertEquals(0, tape.size());
    }
    Step.step(optimizer, all, ones);
    Step.step(optimizer, all, ones);
    assertArrayEquals(new float[] {1.5f, 2.5f}, b.toFloats());
  }

  @Test
  void gradients_come_flat_and_need_no_copy() {
    FlatParameters flat =
        FlatParameters.of(parameters.asMap(), List.of(), new Optimizer.Settings(1, 0), 0);
    try (Tape tape = Tape.record()) {
      Gradients gradients = Step.gradients(tape, all, ones);
      assertArrayEquals(new float[] {1, 1, 1, 1, 1, 1}, flat.flat(gradients).toFloats());
    }
  }

  @Test
  void a_frozen_parameter_leaves_the_buffer_and_keeps_its_bits() {
    Optimizer optimizer = AdamW.builder().learningRate(0.1).weightDecay(0.1).build(parameters);
    Step.step(optimizer, all, ones);
    float[] frozen = b.toFloats();
    parameters.freeze("b"::equals);
    for (int i = 0; i < 3; i++) {
      Step.step(optimizer, all, ones);
      assertFalse(b.sharesMemoryWith(a));
      assertEquals(2, b.blockSize());
      assertTrue(c.sharesMemoryWith(a));
      assertEquals(4, a.blockSize());
    }
    assertArrayEquals(frozen, b.toFloats());
  }

  @Test
  void freezing_one_parameter_changes_nothing_for_the_others() {
    Tensor[] lone = {parameter(1, 2, 3), parameter(6)};
    Optimizer without = AdamW.builder().learningRate(0.1).build(parameters(lone));
    Optimizer with = AdamW.builder().learningRate(0.1).build(parameters);
    for (int i = 0; i < 5; i++) {
      if (i == 2) {
        parameters.freeze("b"::equals);
      }
      List<float[]> g = List.of(new float[] {1, -i, 2}, new float[] {i, 3}, new float[] {4 - i});
      Step.step(with, all, g);
      Step.step(without, List.of(lone), List.of(g.get(0), g.get(2)));
    }
    assertArrayEquals(lone[0].toFloats(), a.toFloats());
    assertArrayEquals(lone[1].toFloats(), c.toFloats());
    assertEquals(5, with.steps());
  }

  @Test
  void gradients_from_before_a_freeze_find_their_parameters() {
    Optimizer optimizer = sgd(parameters);
    try (Tape tape = Tape.record()) {
      Gradients gradients =
          Step.gradients(
              tape, all, List.of(new float[] {1, 2, 3}, new float[] {4, 5}, new float[] {6}));
      parameters.freeze("a"::equals);
      optimizer.step(gradients.scale(2));
    }
    assertArrayEquals(new float[] {1, 2, 3}, a.toFloats());
    assertArrayEquals(new float[] {4 - 8, 5 - 10}, b.toFloats());
    assertArrayEquals(new float[] {6 - 12}, c.toFloats());
  }

  @Test
  void gradients_from_before_two_moves_find_their_parameters() {
    Parameters rest = parameters(a, c);
    Optimizer optimizer = sgd(parameters);
    try (Tape tape = Tape.record()) {
      Gradients gradients =
          Step.gradients(
              tape, all, List.of(new float[] {1, 2, 3}, new float[] {4, 5}, new float[] {6}));
      Optimizer other = sgd(rest);
      assertEquals(4, c.blockSize());
      assertEquals(Math.sqrt(1 + 4 + 9 + 16 + 25 + 36), gradients.norm(), 1e-6);
      other.step(gradients);
      assertArrayEquals(new float[] {6 - 6}, c.toFloats());
      optimizer.step(gradients.plus(gradients));
    }
    assertArrayEquals(new float[] {1 - 3, 2 - 6, 3 - 9}, a.toFloats());
    assertArrayEquals(new float[] {4 - 8, 5 - 10}, b.toFloats());
    assertArrayEquals(new float[] {6 - 18}, c.toFloats());
    assertEquals(6, c.blockSize());
  }

  @Test
  void sums_of_gradients_from_before_and_after_a_move_add_up() {
    sgd(parameters);
    try (Tape tape = Tape.record();
        Tape later = Tape.record()) {
      Gradients before =
          Step.gradients(
              tape, all, List.of(new float[] {1, 2, 3}, new float[] {4, 5}, new float[] {6}));
      sgd(parameters(c, b, a));
      Gradients after = Step.gradients(later, all, ones);
      Gradients sum = before.plus(after);
      assertArrayEquals(new float[] {2, 3, 4}, sum.get(a).toFloats());
      assertArrayEquals(new float[] {5, 6}, sum.get(b).toFloats());
      assertArrayEquals(new float[] {7}, sum.get(c).toFloats());
    }
  }

  @Test
  void an_unfrozen_parameter_joins_and_begins_without_a_past() {
    parameters.freeze("a"::equals);
    Optimizer optimizer = AdamW.builder().learningRate(0.5).weightDecay(0).build(parameters);
    Step.step(optimizer, all, ones);
    assertArrayEquals(new float[] {1, 2, 3}, a.toFloats());
    parameters.unfreeze("a"::equals);
    try (Tape tape = Tape.record()) {
      optimizer.step(Step.gradients(tape, all, ones));
    }
    // Adam's first step goes by the learning rate whatever the gradient's size.
    assertArrayEquals(new float[] {0.5f, 1.5f, 2.5f}, a.toFloats(), 1e-6f);
    assertFalse(a.isClosed());
    Step.step(optimizer, all, ones);
    assertArrayEquals(new float[] {0, 1, 2}, a.toFloats(), 1e-6f);
    assertArrayEquals(new float[] {2.5f, 3.5f}, b.toFloats(), 1e-6f);
  }

  @Test
  void two_optimizers_take_turns_with_the_same_parameters() {
    Optimizer one = Sgd.builder().learningRate(1).momentum(0.5).build(parameters);
    Optimizer two = sgd(parameters(c, b));
    Step.step(one, all, ones);
    Step.step(two, all, ones);
    Step.step(one, all, ones);
    assertArrayEquals(new float[] {1 - 1 - 1.5f, 2 - 2.5f, 3 - 2.5f}, a.toFloats());
    assertArrayEquals(new float[] {6 - 1 - 1 - 1.5f}, c.toFloats());
  }

  @Test
  void a_parameter_that_the_loss_does_not_need_has_a_gradient_of_zeros() {
    Optimizer optimizer = sgd(parameters);
    Step.step(optimizer, List.of(a, c), List.of(ones.get(0), ones.get(2)));
    assertArrayEquals(new float[] {0, 1, 2}, a.toFloats());
    assertArrayEquals(new float[] {4, 5}, b.toFloats());
    assertArrayEquals(new float[] {5}, c.toFloats());
  }

  @Test
  void one_parameter_alone_needs_no_neighbours() {
    Optimizer optimizer = sgd(parameters(b));
    Step.step(optimizer, List.of(b), List.of(new float[] {1, 2}));
    Step.step(optimizer, List.of(b), List.of(new float[] {1, 2}), g -> g.scale(0.5));
    assertArrayEquals(new float[] {4 - 1.5f, 5 - 3}, b.toFloats());
  }

  @Test
  void a_steady_loop_neither_moves_nor_gains_memory() {
    Optimizer optimizer = AdamW.builder().build(parameters);
    Step.step(optimizer, all, ones);
    long address = a.address();
    long used = Device.cpu().usedBytes();
    for (int i = 0; i < 20; i++) {
      Step.step(optimizer, all, ones);
      assertEquals(address, a.address());
    }
    // Less where the collector ran meanwhile.
    assertTrue(Device.cpu().usedBytes() <= used);
  }

  @Test
  void state_is_named_for_parameters_and_shares_memory() {
    Optimizer optimizer = AdamW.builder().betas(0.5, 0.5).build(parameters);
    Step.step(optimizer, all, ones);
    Map<String, Tensor> state = optimizer.state();
    assertEquals(
        Set.of(
            "a.exp_avg", "b.exp_avg", "c.exp_avg", "a.exp_avg_sq", "b.exp_avg_sq", "c.exp_avg_sq"),
        state.keySet());
    assertArrayEquals(new float[] {0.5f, 0.5f}, state.get("b.exp_avg").toFloats());
    state.get("b.exp_avg").fill(8);
    assertArrayEquals(new float[] {8, 8}, optimizer.state().get("b.exp_avg").toFloats());

    Optimizer momentum = Sgd.builder().momentum(0.9).build(parameters);
    assertEquals(
        Set.of("a.momentum_buffer", "b.momentum_buffer", "c.momentum_buffer"),
        momentum.state().keySet());
    assertEquals(Map.of(), sgd(parameters).state());
  }

  // Groups

  @Test
  void the_first_group_that_names_a_parameter_decides() {
    Optimizer optimizer =
        Sgd.builder()
            .learningRate(1)
            .weightDecay(0.5)
            .group(name -> name.equals("b"), 0.1, 0)
            .group(name -> !name.equals("c"), 1, 0)
            .build(parameters);
    Step.step(optimizer, all, ones);
    assertArrayEquals(new float[] {0, 1, 2}, a.toFloats(), 1e-6f);
    assertArrayEquals(new float[] {3.9f, 4.9f}, b.toFloats(), 1e-6f);
    assertArrayEquals(new float[] {2}, c.toFloats(), 1e-6f);
  }

  @Test
  void one_call_spares_biases_and_norms_from_decay() {
    Tensor matrix = Tensor.of(new float[] {2, 2}, 1, 2).requiresGrad(true);
    Tensor kernel = Tensor.of(new float[] {2}, 1, 1, 1).requiresGrad(true);
    Optimizer optimizer =
        Sgd.builder()
            .learningRate(1)
            .weightDecay(0.5)
            .decayMatricesOnly()
            .group("d"::equals, 1, 0.25)
            .build(parameters(matrix, kernel, a, b));
    Step.step(
        optimizer,
        List.of(matrix, kernel, a, b),
        List.of(new float[2], new float[1], new float[3], new float[2]));
    assertArrayEquals(new float[] {1, 1}, matrix.toFloats());
    assertArrayEquals(new float[] {1}, kernel.toFloats());
    assertArrayEquals(new float[] {1, 2, 3}, a.toFloats());
    assertArrayEquals(new float[] {3, 3.75f}, b.toFloats(), "a group says otherwise");
  }

  @Test
  void names_and_shapes_together_say_what_decays() {
    Tensor matrix = Tensor.of(new float[] {2, 2}, 1, 2).requiresGrad(true);
    Tensor other = Tensor.of(new float[] {2, 2}, 1, 2).requiresGrad(true);
    Optimizer optimizer =
        Sgd.builder()
            .learningRate(1)
            .weightDecay(0.5, name -> !name.equals("b"))
            .decayMatricesOnly()
            .build(parameters(matrix, other, a));
    Step.step(
        optimizer, List.of(matrix, other, a), List.of(new float[2], new float[2], new float[3]));
    assertArrayEquals(new float[] {1, 1}, matrix.toFloats());
    assertArrayEquals(new float[] {2, 2}, other.toFloats());
    assertArrayEquals(new float[] {1, 2, 3}, a.toFloats());
  }

  @Test
  void another_schedule_takes_over_where_the_first_one_was() {
    Optimizer optimizer = sgd(parameters);
    Step.step(optimizer, all, ones);
    optimizer.learningRate(steps -> steps);
    assertEquals(1, optimizer.learningRate());
    Step.step(optimizer, all, ones);
    assertEquals(2, optimizer.schedule().at(optimizer.steps()));
    assertArrayEquals(new float[] {4}, c.toFloats());
  }

  // Resuming

  @Test
  void a_restored_optimizer_takes_the_same_steps() {
    Optimizer first = AdamW.builder().learningRate(0.1).build(parameters);
    parameters.freeze(name -> name.equals("c"));
    Step.step(first, List.of(a, b), ones.subList(0, 2));
    parameters.unfreeze(name -> name.equals("c"));
    Step.step(first, all, ones);
    assertEquals(Map.of("a", 2L, "b", 2L, "c", 1L), first.updates());

    Tensor a2 = a.copy().requiresGrad(true);
    Tensor b2 = b.copy().requiresGrad(true);
    Tensor c2 = c.copy().requiresGrad(true);
    Optimizer second = AdamW.builder().learningRate(0.1).build(parameters(a2, b2, c2));
    second.restore(first.steps(), first.updates());
    second.state().forEach((name, tensor) -> tensor.copyFrom(first.state().get(name)));
    assertEquals(first.updates(), second.updates());
    Step.step(first, all, ones);
    Step.step(second, List.of(a2, b2, c2), ones);
    assertArrayEquals(a.toFloats(), a2.toFloats());
    assertArrayEquals(b.toFloats(), b2.toFloats());
    assertArrayEquals(c.toFloats(), c2.toFloats());
    assertEquals(3, second.steps());
  }

  @Test
  void counts_that_do_not_fit_change_nothing() {
    Optimizer optimizer = AdamW.builder().build(parameters);
    refuses(
        "adamw: the state is of other parameters or has wrong counts: 1 parameters there and 3"
            + " here, 0 steps",
        () -> {
          optimizer.restore(0, Map.of("a", 0L));
          return null;
        });
    assertEquals(0, optimizer.steps());
  }

  // Mistakes

  private static void refuses(
      Class<? extends Exception> type, String message, Supplier<?> mistake) {
    assertEquals(message, assertThrows(type, mistake::get).getMessage());
  }

  private static void refuses(String message, Supplier<?> mistake) {
    refuses(IllegalArgumentException.class, message, mistake);
  }

  @Test
  void gradients_serve_for_one_step() {
    Optimizer optimizer = sgd(parameters);
    try (Tape tape = Tape.record()) {
      Gradients gradients = Step.gradients(tape, all, ones);
      optimizer.step(gradients);
      var error = assertThrows(IllegalStateException.class, () -> optimizer.step(gradients));
      assertEquals(
          "step: these gradients were applied before: compute new ones from another tape",
          error.getMessage());
    }
    assertEquals(1, optimizer.steps());
    assertArrayEquals(new float[] {5}, c.toFloats());
  }

  @Test
  void gradients_of_other_parameters_are_refused() {
    Optimizer optimizer = sgd(parameters(a, b));
    try (Tape tape = Tape.record()) {
      Gradients gradients = Step.gradients(tape, List.of(c), List.of(new float[] {1}));
      var error = assertThrows(IllegalArgumentException.class, () -> optimizer.step(gradients));
      assertEquals(
          "sgd: the loss depends on no parameter of this optimizer: gradients of 1 tensors: (1)"
              + " f32; build it with the parameters of the model that is trained",
          error.getMessage());
    }
    assertEquals(0, optimizer.steps());
  }

  @Test
  void gradients_of_a_closed_tape_are_refused() {
    Optimizer optimizer = sgd(parameters);
    Gradients gradients;
    try (Tape tape = Tape.record()) {
      gradients = Step.gradients(tape, all, ones);
    }
    assertThrows(IllegalStateException.class, () -> optimizer.step(gradients));
    assertArrayEquals(new float[] {6}, c.toFloats());
  }

  @Test
  void there_must_be_something_to_train() {
    parameters.freeze(name -> true);
    refuses(
        "sgd: nothing to train: 3 parameters, none of which requires gradients; unfreeze some",
        () -> sgd(parameters));
    refuses(
        "adamw: nothing to train: 0 parameters, none of which requires gradients; unfreeze some",
        () -> AdamW.builder().build(Parameters.of(Map.of())));
  }

  @Test
  void parameters_must_be_f32() {
    Tensor half = Tensor.ones(2);
    Parameters mixed =
        Parameters.of(Map.of("half", Pointwise.cast(half, DType.BF16).requiresGrad(true)));
    refuses("sgd: parameters must be f32: half is (2) bf16", () -> sgd(mixed));
    Tensor untouched =
        Tensor.zeros(Shape.of(2), DType.BF16, Device.cpu()); // frozen: needs no optimizer
    Step.step(sgd(parameters(a, untouched)), List.of(a), List.of(new float[] {1, 1, 1}));
    assertArrayEquals(new float[] {0, 1, 2}, a.toFloats());
  }

  @Test
  void settings_out_of_range_are_refused() {
    double nan = Double.NaN;
    refuses(
        "sgd: learning rate must be finite and not negative: -0.1",
        () -> Sgd.builder().learningRate(-0.1));
    refuses(
        "adamw: learning rate must be finite and not negative: NaN",
        () -> AdamW.builder().learningRate(nan));
    refuses(
        "adamw: weight decay must be finite and not negative: Infinity",
        () -> AdamW.builder().weightDecay(Double.POSITIVE_INFINITY));
    refuses("sgd: momentum must lie in [0, 1): 1.0", () -> Sgd.builder().momentum(1));
    refuses("sgd: dampening must lie in [0, 1]: NaN", () -> Sgd.builder().dampening(nan));
    refuses("adamw: beta1 must lie in [0, 1): 1.0", () -> AdamW.builder().betas(1, 0.9));
    refuses("adamw: beta2 must lie in [0, 1): -0.5", () -> AdamW.builder().betas(0.9, -0.5));
    refuses(
        "adamw: epsilon must be finite and not negative: NaN", () -> AdamW.builder().epsilon(nan));
    refuses(
        "sgd: nesterov needs momentum and no dampening: momentum 0.0, dampening 0.0",
        () -> Sgd.builder().nesterov().build(parameters));
    refuses(
        "sgd: nesterov needs momentum and no dampening: momentum 0.9, dampening 0.1",
        () -> Sgd.builder().nesterov().momentum(0.9).dampening(0.1).build(parameters));
  }

  @Test
  void a_schedule_must_give_a_learning_rate() {
    Optimizer optimizer =
        Sgd.builder().learningRate(steps -> steps == 0 ? 1 : Double.NaN).build(parameters);
    Step.step(optimizer, all, ones);
    refuses("sgd: learning rate must be finite and not negative: NaN", optimizer::learningRate);
    assertThrows(IllegalArgumentException.class, () -> Step.step(optimizer, all, ones));
    assertArrayEquals(new float[] {5}, c.toFloats());
  }
}
