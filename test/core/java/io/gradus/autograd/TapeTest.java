package io.gradus.autograd;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.op.Activations;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Garbage;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // some tapes and scopes only have to close
class TapeTest {

  private static Tensor numbers(float... values) {
    return Tensor.of(values);
  }

  private static Tensor square(Tensor x) {
    return Pointwise.mul(x, x);
  }

  // Gradients of what

  @Test
  void parameters_have_gradients_without_being_asked_for() {
    Tensor w = numbers(1, 2, 3).requiresGrad(true);
    Tensor x = numbers(4, 5, 6);
    try (Tape tape = Tape.record()) {
      Gradients gradients = tape.gradients(Reductions.sum(Pointwise.mul(w, x)));
      assertArrayEquals(new float[] {4, 5, 6}, gradients.get(w).toFloats());
      assertEquals(List.of(w), gradients.targets());
      assertFalse(gradients.contains(x));
      var e = assertThrows(IllegalArgumentException.class, () -> gradients.get(x));
      assertEquals(
          "gradients: there is none for this tensor: (3) f32; name it when calling gradients, or"
              + " let it require gradients",
          e.getMessage());
    }
  }

  @Test
  void any_tensor_can_be_a_target_also_one_in_between() {
    Tensor x = numbers(1, 2);
    try (Tape tape = Tape.record()) {
      Tensor y = square(x);
      Tensor loss = Reductions.sum(square(y));
      Gradients gradients = tape.gradients(loss, x, y, loss);
      assertArrayEquals(new float[] {2, 8}, gradients.get(y).toFloats());
      assertArrayEquals(new float[] {4, 32}, gradients.get(x).toFloats());
      assertEquals(1, gradients.get(loss).item());
    }
  }

  @Test
  void two_uses_of_one_tensor_add_up() {
    Tensor x = numbers(1, 2);
    try (Tape tape = Tape.record()) {
      Tensor sum = Pointwise.add(Pointwise.add(x, x), Pointwise.mul(square(x), x));
      assertArrayEquals(
          new float[] {5, 14}, tape.gradients(Reductions.sum(sum), x).get(x).toFloats());
    }
  }

  @Test
  void adding_up_leaves_gradients_that_others_share_alone() {
    Tensor a = numbers(1, 2);
    Tensor b = numbers(3, 4);
    try (Tape tape = Tape.record()) {
      Tensor y = Pointwise.add(a, b); // hands one gradient to both
      Tensor loss = Reductions.sum(Pointwise.add(y, square(a)));
      Gradients gradients = tape.gradients(loss, a, b, y);
      assertArrayEquals(new float[] {3, 5}, gradients.get(a).toFloats());
      assertArrayEquals(new float[] {1, 1}, gradients.get(b).toFloats());
      assertArrayEquals(new float[] {1, 1}, gradients.get(y).toFloats());
    }
  }

  @Test
  void the_gradient_of_a_tensor_that_was_not_reached_is_zero() {
    Tensor x = numbers(1, 2);
    Tensor other = Tensor.ones(3, 2);
    try (Tape tape = Tape.record()) {
      square(other);
      Gradients gradients = tape.gradients(Reductions.sum(square(x)), other);
      assertEquals(Shape.of(3, 2), gradients.get(other).shape());
      assertArrayEquals(new float[6], gradients.get(other).toFloats());
    }
  }

  @Test
  void gradients_end_where_they_are_stopped() {
    Tensor x = numbers(3);
    try (Tape tape = Tape.record()) {
      Tensor y = Pointwise.mul(x, Tape.stopGradient(square(x)));
      assertEquals(9, tape.gradients(y, x).get(x).item());
    }
  }

  @Test
  void vjp_weighs_the_elements_of_the_output() {
    Tensor x = numbers(1, 2, 3);
    try (Tape tape = Tape.record()) {
      Tensor dy = numbers(1, 0, -1);
      assertArrayEquals(new float[] {2, 0, -6}, tape.vjp(square(x), dy, x).get(x).toFloats());
      assertArrayEquals(new float[] {1, 0, -1}, dy.toFloats());
    }
  }

  @Test
  void integers_pass_no_gradient() {
    Tensor logits = Tensor.zeros(2, 3).requiresGrad(true);
    Tensor labels = Tensor.of(new int[] {0, 2});
    try (Tape tape = Tape.record()) {
      Gradients gradients = tape.gradients(Losses.crossEntropy(logits, labels), logits, labels);
      assertEquals((1 / 3f - 1) / 2, gradients.get(logits).toFloats()[0], 1e-6);
      assertArrayEquals(new int[2], gradients.get(labels).toInts());
    }
  }

  // Mistakes

  @Test
  void a_loss_of_more_than_one_element_is_refused() {
    Tensor x = numbers(1, 2);
    try (Tape tape = Tape.record()) {
      Tensor y = square(x);
      var e = assertThrows(IllegalArgumentException.class, () -> tape.gradients(y, x));
      assertEquals(
          "gradients: the loss must have one element: (2) f32; take its sum or mean, or give its"
              + " gradient to vjp",
          e.getMessage());
      // Nothing has happened: the right call still works.
      assertEquals(2, tape.gradients(Reductions.sum(y), x).get(x).toFloats()[0]);
    }
  }

  @Test
  void a_gradient_of_another_shape_or_type_than_its_output_is_refused() {
    Tensor x = numbers(1, 2);
    try (Tape tape = Tape.record()) {
      Tensor y = square(x);
      var shape =
          assertThrows(IllegalArgumentException.class, () -> tape.vjp(y, numbers(1, 2, 3), x));
      assertEquals(
          "vjp: the gradient must have the shape of what it belongs to: (2) f32 and (3) f32",
          shape.getMessage());
      Tensor half = Tensor.zeros(Shape.of(2), DType.F16, Device.cpu());
      var type = assertThrows(IllegalArgumentException.class, () -> tape.vjp(y, half, x));
      assertEquals(
          "vjp: the gradient must have the type of what it belongs to: (2) f32 and (2) f16",
          type.getMessage());
    }
  }

  @Test
  void the_loss_of_another_tape_is_refused() {
    Tensor x = numbers(3).requiresGrad(true);
    Tensor loss;
    try (Tape first = Tape.record()) {
      loss = first.keep(square(x));
    }
    try (Tape second = Tape.record()) {
      square(x);
      var e = assertThrows(IllegalArgumentException.class, () -> second.gradients(loss));
      assertEquals(
          "gradients: the loss was not computed while this tape recorded: (1) f32; a tape records"
              + " its own thread until gradients is first called",
          e.getMessage());
    }
  }

  @Test
  void a_closed_tape_has_no_gradients() {
    Tensor x = numbers(3).requiresGrad(true);
    Tape tape = Tape.record();
    Tensor loss = tape.keep(square(x));
    tape.close();
    tape.close();
    var e = assertThrows(IllegalStateException.class, () -> tape.gradients(loss));
    assertEquals("gradients: the tape is closed", e.getMessage());
  }

  @Test
  void what_was_freed_and_is_needed_for_a_gradient_is_refused() {
    Tensor x = numbers(3).requiresGrad(true);
    try (Tape tape = Tape.record()) {
      Tensor loss;
      try (Scope inner = Scope.open()) {
        Tensor y = Pointwise.exp(x);
        loss = inner.keep(Pointwise.mul(y, 2));
      }
      var e = assertThrows(IllegalStateException.class, () -> tape.gradients(loss));
      assertEquals(
          "tensor: it was freed when its tape or scope closed; hand it out with keep(tensor)",
          e.getMessage());
    }
  }

  // Recording

  @Test
  void recording_ends_with_the_first_gradients() {
    Tensor x = numbers(3);
    try (Tape tape = Tape.record()) {
      assertTrue(Tape.isRecording());
      Tensor loss = square(x);
      assertEquals(6, tape.gradients(loss, x).get(x).item());
      assertFalse(Tape.isRecording());
      int size = tape.size();
      Tensor late = square(x);
      assertEquals(size, tape.size());
      assertThrows(IllegalArgumentException.class, () -> tape.gradients(late, x));
      assertEquals(6, tape.gradients(loss, x).get(x).item(), "a second time");
    }
  }

  @Test
  void nothing_is_recorded_without_a_tape() {
    assertFalse(Tape.isRecording());
    Tensor y = square(numbers(3));
    try (Tape tape = Tape.record()) {
      assertEquals(0, tape.size());
      assertThrows(IllegalArgumentException.class, () -> tape.gradients(y));
    }
  }

  @Test
  void tapes_on_many_threads_are_independent() throws Exception {
    Tensor w = numbers(1, 2, 3).requiresGrad(true);
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Callable<float[]>> tasks = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        float factor = i;
        tasks.add(
            () -> {
              for (int step = 0; ; step++) {
                try (Tape tape = Tape.record()) {
                  Tensor x = numbers(factor, 2 * factor, step);
                  Tensor loss = Reductions.sum(Pointwise.mul(Pointwise.mul(w, x), w));
                  Gradients gradients = tape.gradients(loss);
                  assertEquals(3, tape.size());
                  if (step == 50) {
                    return gradients.get(w).toFloats();
                  }
                }
              }
            });
      }
      List<Future<float[]>> gradients = threads.invokeAll(tasks);
      for (int i = 0; i < gradients.size(); i++) {
        assertArrayEquals(new float[] {2 * i, 8 * i, 300}, gradients.get(i).get());
      }
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void a_tape_does_not_record_other_threads() throws Exception {
    try (Tape tape = Tape.record()) {
      Thread other = new Thread(() -> square(numbers(3)));
      other.start();
      other.join();
      assertEquals(0, tape.size());
    }
  }

  @Test
  void a_forgotten_tape_is_freed_and_records_no_longer() throws Exception {
    long before = Garbage.settle();
    Thread thread =
        new Thread(
            () -> {
              Tape.record();
              square(Tensor.zeros(1 << 20));
            });
    thread.start();
    thread.join();
    Garbage.collectUntil(() -> Device.cpu().usedBytes() == before);
  }

  // Memory

  @Test
  void closing_a_tape_frees_what_was_made_under_it_but_for_what_is_kept() {
    long before = Garbage.settle();
    try (Scope scope = Scope.open()) {
      Tensor x = numbers(1, 2).requiresGrad(true);
      long under = Device.cpu().usedBytes();
      Tensor y;
      Tensor loss;
      Gradients gradients;
      try (Tape tape = Tape.record()) {
        y = square(x);
        loss = tape.keep(Reductions.sum(y));
        gradients = tape.keep(tape.gradients(loss));
      }
      assertTrue(y.isClosed());
      assertEquals(5, loss.item());
      assertArrayEquals(new float[] {2, 4}, gradients.get(x).toFloats());
      loss.close();
      gradients.get(x).close();
      assertEquals(under, Device.cpu().usedBytes());
    }
    assertEquals(before, Device.cpu().usedBytes());
  }

  @Test
  void gradients_on_their_way_are_freed_as_soon_as_they_have_served() {
    Tensor x = Tensor.ones(1 << 18).requiresGrad(true); // 1 MiB
    try (Tape tape = Tape.record()) {
      Tensor y = x;
      for (int i = 0; i < 50; i++) {
        y = Activations.tanh(y);
      }
      Tensor loss = Reductions.sum(y);
      long before = Device.cpu().usedBytes();
      tape.gradients(loss);
      long held = Device.cpu().usedBytes() - before;
      assertTrue(held < 4 << 20, () -> "50 gradients of 1 MiB each, still held: " + held);
    }
  }

  // Nested tapes

  @Test
  void a_gradient_taken_under_another_tape_can_be_differentiated_again() {
    Tensor x = numbers(2);
    try (Tape third = Tape.record();
        Tape second = Tape.record();
        Tape first = Tape.record()) {
      Tensor y = square(square(x)); // x^4
      Tensor dy = first.gradients(y, x).get(x);
      Tensor ddy = second.gradients(dy, x).get(x);
      Tensor dddy = third.gradients(ddy, x).get(x);
      assertEquals(32, dy.item(), 1e-3);
      assertEquals(48, ddy.item(), 1e-3);
      assertEquals(48, dddy.item(), 1e-3);
    }
  }

  @Test
  void a_penalty_on_a_gradient_trains_through_it() {
    Tensor w = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2).requiresGrad(true);
    Tensor x = Tensor.of(new float[] {0.5f, -1}, 1, 2);
    GradCheck.check(
        inputs -> {
          try (Tape inner = Tape.record()) {
            Tensor y = Activations.tanh(LinearAlgebra.linear(inputs[1], inputs[0]));
            Tensor dx = inner.gradients(Reductions.sum(y), inputs[1]).get(inputs[1]);
            return inner.keep(Reductions.sum(square(dx)));
          }
        },
        w,
        x);
  }

  @Test
  void second_derivatives_pass_through_parameters_in_a_flat_buffer() {
    Tensor w = Tensor.of(new float[] {0.5f, -1, 0.3f, 0.8f}, 2, 2).requiresGrad(true);
    Tensor bias = numbers(0.1f, -0.2f).requiresGrad(true);
    Tensor flat = Tensor.zeros(6);
    w.moveInto(flat, 0);
    bias.moveInto(flat, 4);
    Tensor x = Tensor.of(new float[] {0.5f, -1, 2, 1}, 2, 2);
    GradCheck.check(
        inputs -> {
          try (Tape inner = Tape.record()) {
            Tensor y = Activations.sigmoid(LinearAlgebra.linear(x, inputs[0], inputs[1]));
            Gradients gradients = inner.gradients(Reductions.sum(y));
            Tensor dw = Reductions.sum(square(gradients.get(inputs[0])));
            return inner.keep(Pointwise.add(dw, Reductions.sum(gradients.get(inputs[1]))));
          }
        },
        w,
        bias);
  }

  @Test
  void an_inner_tape_leaves_its_tensors_to_the_outer_one() {
    Tensor x = numbers(2);
    try (Tape outer = Tape.record()) {
      Tensor dx;
      try (Tape inner = Tape.record()) {
        dx = inner.gradients(square(x), x).get(x);
      }
      assertEquals(4, dx.item());
      assertEquals(2, outer.gradients(dx, x).get(x).item());
    }
  }

  @Test
  void an_inner_tape_can_take_the_gradient_of_what_the_outer_one_saw_before() {
    Tensor x = numbers(2);
    try (Tape outer = Tape.record()) {
      Tensor y = square(x);
      Tensor dz;
      try (Tape inner = Tape.record()) {
        dz = inner.gradients(square(y), y).get(y); // 2 y = 2 x²
      }
      assertEquals(8, outer.gradients(dz, x).get(x).item());
    }
  }

  // A user's own op

  /** {@code x · |x|}, computed in plain Java. */
  private static Tensor signedSquare(Tensor x) {
    float[] values = x.toFloats();
    float[] y = new float[values.length];
    float[] slope = new float[values.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = values[i] * Math.abs(values[i]);
      slope[i] = 2 * Math.abs(values[i]);
    }
    return Tape.record(
        "signedSquare",
        Tensor.of(y, x.shape()),
        wrt(x, dy -> Pointwise.mul(dy, Tensor.of(slope, x.shape()))));
  }

  @Test
  void a_users_own_op_has_gradients_like_any_other() {
    GradCheck.check(
        x -> Activations.tanh(signedSquare(Pointwise.mul(x[0], 2))), numbers(-1, 0.3f, 0.5f));
  }

  @Test
  void a_gradient_of_the_wrong_shape_names_the_op() {
    Tensor x = numbers(1, 2);
    try (Tape tape = Tape.record()) {
      Tensor y = Tape.record("mine", Tensor.ones(2), wrt(x, dy -> Tensor.ones(3)));
      var e =
          assertThrows(IllegalArgumentException.class, () -> tape.gradients(Reductions.sum(y), x));
      assertEquals("mine: the gradient for an input (2) f32 came back as (3) f32", e.getMessage());
    }
  }

  @Test
  void an_op_may_hand_its_gradient_on_as_it_is_or_as_a_view() {
    Tensor x = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
    try (Tape tape = Tape.record()) {
      Tensor same = Tape.record("same", x.copy(), wrt(x, dy -> dy));
      Tensor viewed =
          Tape.record(
              "viewed", x.copy().view(Shape.of(4), 0), wrt(x, dy -> dy.view(Shape.of(2, 2), 0)));
      Tensor y = Pointwise.add(square(same), Shapes.reshape(square(viewed), 2, 2));
      assertArrayEquals(
          new float[] {4, 8, 12, 16}, tape.gradients(Reductions.sum(y), x).get(x).toFloats());
    }
  }

  @Test
  void a_constant_input_passes_no_gradient() {
    Tensor x = numbers(1, 2);
    try (Tape tape = Tape.record()) {
      Tensor y = Tape.record("mine", Tensor.ones(2), constant(x));
      assertArrayEquals(new float[2], tape.gradients(Reductions.sum(y), x).get(x).toFloats());
    }
  }

  // Looking at it

  @Test
  void the_record_prints_as_a_table() {
    Tensor w = Tensor.ones(4, 3).requiresGrad(true);
    Tensor x = Tensor.ones(2, 3);
    try (Tape tape = Tape.record()) {
      Reductions.mean(Activations.relu(LinearAlgebra.linear(x, w)));
      assertEquals(
          """
          output  op      shape       inputs
          %0      linear  (2, 4) f32  input0 (2, 3) f32, parameter1 (4, 3) f32
          %1      relu    (2, 4) f32  %0 (2, 4) f32
          %2      mean    () f32      %1 (2, 4) f32
          """,
          tape.toString());
    }
  }

  @Test
  void the_record_prints_as_a_graph() {
    Tensor x = Tensor.ones(2);
    try (Tape tape = Tape.record()) {
      Pointwise.add(x, Tape.record("a \"b\"", Tensor.ones(2), constant(x)));
      assertEquals(
          """
          digraph tape {
            rankdir=LR;
            node [shape=box];
            "%0" [label="a \\"b\\"\\n(2) f32", style=solid];
            "input0" [label="input0\\n(2) f32", style=rounded];
            "input0" -> "%0" [style=dashed];
            "%1" [label="add\\n(2) f32", style=solid];
            "input0" -> "%1";
            "%0" -> "%1";
          }
          """,
          tape.toDot());
    }
  }

  @Test
  void stopping_a_gradient_shares_memory() {
    Tensor x = numbers(1, 2);
    Tensor y = Tape.stopGradient(x);
    assertNotSame(x, y);
    assertTrue(x.sharesMemoryWith(y));
  }
}
