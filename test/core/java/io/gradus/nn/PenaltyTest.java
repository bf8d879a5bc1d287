package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.autograd.Tape;
import io.gradus.tensor.Tensor;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class PenaltyTest {

  private final Tensor w = Tensor.of(new float[] {1, -2, 3}).requiresGrad(true);
  private final Tensor b = Tensor.of(new float[] {-4}).requiresGrad(true);
  private final Parameters parameters = Parameters.of(new TreeMap<>(Map.of("w", w, "b", b)));

  @Test
  void l1_sums_sizes_and_pulls_by_sign() {
    try (Tape tape = Tape.record()) {
      Tensor penalty = Penalty.l1(parameters);
      assertEquals(10, penalty.item());
      assertArrayEquals(new float[] {1, -1, 1}, tape.gradients(penalty).get(w).toFloats());
    }
  }

  @Test
  void l2_sums_squares_and_pulls_by_twice_the_value() {
    try (Tape tape = Tape.record()) {
      Tensor penalty = Penalty.l2(parameters);
      assertEquals(30, penalty.item());
      assertArrayEquals(new float[] {-8}, tape.gradients(penalty).get(b).toFloats());
    }
  }

  @Test
  void a_choice_of_names_leaves_the_others_alone() {
    assertEquals(14, Penalty.l2(parameters, "w"::equals).item());
    assertEquals(4, Penalty.l1(parameters, "b"::equals).item());
    assertEquals(
        "l1: no parameter is meant, of 2",
        assertThrows(IllegalArgumentException.class, () -> Penalty.l1(parameters, "x"::equals))
            .getMessage());
  }
}
