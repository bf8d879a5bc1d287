package io.gradus.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.op.Activations;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CheckpointTest {

  private static final int WIDTH = 64;

  private Scope scope;
  private Tensor x;
  private Tensor shift;
  private Tensor[] weights;

  @BeforeEach
  void makeParameters() {
    scope = Scope.open();
    x = random(0, 32, WIDTH).requiresGrad(true);
    shift = random(1, 32, WIDTH).requiresGrad(true);
    weights = new Tensor[4];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = Pointwise.mul(random(2 + i, WIDTH, WIDTH), 0.1).requiresGrad(true);
    }
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  private static Tensor random(int seed, long... dims) {
    return Random.normal(Shape.of(dims), Seed.of(seed), 0, 1, Device.cpu());
  }

  /** A residual block with dropout, which also uses a tensor computed before it. */
  private static Tensor block(Tensor x, Tensor w, Tensor before, int layer) {
    Tensor inner = Activations.gelu(LinearAlgebra.linear(x, w));
    Tensor dropped = Random.dropout(inner, 0.3, Seed.of(layer));
    return Pointwise.add(x, Pointwise.mul(dropped, before));
  }

  private Tensor loss(boolean checkpointed) {
    Tensor before = Activations.tanh(shift);
    Tensor y = x;
    for (int i = 0; i < weights.length; i++) {
      Tensor w = weights[i];
      int layer = i;
      y =
          checkpointed
              ? Tape.checkpoint(y, in -> block(in, w, before, layer))
              : block(y, w, before, layer);
    }
    return Reductions.sum(Pointwise.mul(y, y));
  }

  private Gradients gradients(boolean checkpointed) {
    try (Tape tape = Tape.record()) {
      return tape.keep(tape.gradients(loss(checkpointed)));
    }
  }

  private void assertSameGradients(Gradients expected, Gradients actual) {
    assertEquals(expected.targets().size(), actual.targets().size());
    for (Tensor target : expected.targets()) {
      float[] numbers = expected.get(target).toFloats();
      assertArrayEquals(numbers, actual.get(target).toFloats(), 1e-5f * max(numbers));
    }
  }

  private static float max(float[] values) {
    float max = 0;
    for (float value : values) {
      max = Math.max(max, Math.abs(value));
    }
    return max;
  }

  @Test
  void the_gradients_are_those_of_the_whole_record() {
    assertSameGradients(gradients(false), gradients(true));
  }

  @Test
  void parameters_in_flat_buffers_get_their_gradients_there() {
    Gradients expected = gradients(false);
    Tensor flat = Tensor.zeros(4L * WIDTH * WIDTH);
    for (int i = 0; i < 4; i++) {
      weights[i].moveInto(flat, (long) i * WIDTH * WIDTH);
    }
    Gradients actual = gradients(true);
    assertSameGradients(expected, actual);
    assertEquals(flat.size(), actual.flat(weights[3]).size());
  }

  @Test
  void what_a_part_computed_is_not_kept() {
    long plain = recordedBytes(false);
    long checkpointed = recordedBytes(true);
    assertTrue(checkpointed < 0.6 * plain, checkpointed + " of " + plain + " bytes");
  }

  private long recordedBytes(boolean checkpointed) {
    long before = Device.cpu().usedBytes();
    try (Tape tape = Tape.record()) {
      loss(checkpointed);
      assertTrue(tape.size() > 0);
      return Device.cpu().usedBytes() - before;
    }
  }

  @Test
  void without_a_tape_the_part_just_runs() {
    assertArrayEquals(loss(false).toFloats(), loss(true).toFloats());
  }

  @Test
  void what_is_recorded_after_the_part_failed_is_recorded_as_ever() {
    try (Tape tape = Tape.record()) {
      assertThrows(
          IllegalArgumentException.class,
          () -> Tape.checkpoint(x, in -> LinearAlgebra.linear(in, Tensor.zeros(2, 3))));
      Tensor loss = Reductions.sum(Pointwise.mul(x, 2));
      assertEquals(2, tape.gradients(loss).get(x).toFloats()[0]);
    }
  }

  @Test
  void two_tapes_give_second_derivatives_and_one_opened_too_late_says_so() {
    try (Tape outer = Tape.record();
        Tape inner = Tape.record()) {
      Tensor y = Tape.checkpoint(x, in -> Pointwise.mul(Pointwise.mul(in, in), in));
      Tensor dx = inner.gradients(Reductions.sum(y), x).get(x);
      float at = x.toFloats()[0];
      assertEquals(6 * at, outer.gradients(Reductions.sum(dx), x).get(x).toFloats()[0], 1e-4);
    }
    try (Tape inner = Tape.record()) {
      Tensor loss = Reductions.sum(Tape.checkpoint(x, in -> Pointwise.mul(in, in)));
      try (Tape late = Tape.record()) {
        assertTrue(late.size() == 0);
        var e = assertThrows(IllegalStateException.class, () -> inner.gradients(loss, x));
        assertEquals(
            "checkpoint: it cannot be differentiated twice; open the outer tape before the part"
                + " runs",
            e.getMessage());
      }
    }
  }
}
