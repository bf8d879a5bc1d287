package io.gradus.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ScheduleTest {

  @Test
  void constant_stays() {
    Schedule schedule = Schedule.constant(0.3);
    assertEquals(0.3, schedule.at(0));
    assertEquals(0.3, schedule.at(1_000_000));
  }

  @Test
  void warmup_cosine_rises_and_falls() {
    Schedule schedule = Schedule.warmupCosine(8, 3, 11);
    double[] rising = {2, 4, 6, 8};
    for (int step = 0; step < rising.length; step++) {
      assertEquals(rising[step], schedule.at(step), 1e-12);
    }
    assertEquals(4 * (1 + Math.sqrt(0.5)), schedule.at(5), 1e-12);
    assertEquals(4, schedule.at(7), 1e-12);
    assertEquals(4 * (1 - Math.sqrt(0.5)), schedule.at(9), 1e-12);
    assertEquals(0, schedule.at(11), 1e-12);
    assertEquals(0, schedule.at(12), 1e-12);
  }

  @Test
  void warmup_linear_rises_and_falls() {
    Schedule schedule = Schedule.warmupLinear(8, 1, 5);
    double[] expected = {4, 8, 6, 4, 2, 0, 0, 0};
    for (int step = 0; step < expected.length; step++) {
      assertEquals(expected[step], schedule.at(step), 1e-12);
    }
  }

  @Test
  void warmup_may_be_nothing_or_all() {
    assertEquals(8, Schedule.warmupCosine(8, 0, 4).at(0));
    assertEquals(4, Schedule.warmupLinear(8, 0, 4).at(2));
    assertEquals(2, Schedule.warmupCosine(8, 3, 3).at(0));
    assertEquals(6, Schedule.warmupCosine(8, 3, 3).at(2));
    assertEquals(0, Schedule.warmupCosine(8, 3, 3).at(3), 1e-12);
  }

  @Test
  void a_users_own_is_a_function() {
    Schedule halving = step -> 1.0 / (1L << (step / 10));
    assertEquals(0.25, halving.at(25));
  }

  @Test
  void nonsense_is_refused() {
    var error =
        assertThrows(IllegalArgumentException.class, () -> Schedule.warmupCosine(0.1, 10, 5));
    assertEquals(
        "warmupCosine: needs 0 <= warmup <= total and a step in total: warmup 10, total 5",
        error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Schedule.warmupLinear(0.1, -1, 5));
    assertThrows(IllegalArgumentException.class, () -> Schedule.warmupLinear(0.1, 0, 0));
    error =
        assertThrows(IllegalArgumentException.class, () -> Schedule.warmupLinear(Double.NaN, 0, 5));
    assertEquals(
        "warmupLinear: learning rate must be finite and not negative: NaN", error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Schedule.constant(-1));
  }
}
