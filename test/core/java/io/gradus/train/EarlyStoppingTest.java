package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class EarlyStoppingTest {

  @Test
  void it_stops_when_the_patience_is_at_its_end() {
    EarlyStopping stopping = EarlyStopping.min(2, 0);
    assertFalse(stopping.stops());
    assertFalse(stopping.isBest());
    assertFalse(stopping.stopsAfter(3));
    assertTrue(stopping.isBest());
    assertFalse(stopping.stopsAfter(3)); // as good is not better
    assertFalse(stopping.isBest());
    assertFalse(stopping.stopsAfter(2));
    assertFalse(stopping.stopsAfter(2.5));
    assertTrue(stopping.stopsAfter(2.1));
    assertTrue(stopping.stops());
    assertEquals(2, stopping.best());
    assertEquals(2, stopping.evaluationsSinceBest());
  }

  @Test
  void an_improvement_below_the_least_does_not_count() {
    EarlyStopping stopping = EarlyStopping.max(1, 0.25);
    assertFalse(stopping.stopsAfter(0.5));
    assertFalse(stopping.stopsAfter(0.875));
    assertTrue(stopping.stopsAfter(1.125));
    assertEquals(0.875, stopping.best());
  }

  @Test
  void small_steps_that_add_up_count() {
    EarlyStopping stopping = EarlyStopping.min(3, 0.5);
    assertFalse(stopping.stopsAfter(2));
    assertFalse(stopping.stopsAfter(1.75));
    assertFalse(stopping.stopsAfter(1.25)); // 0.75 below the best, not below the last
    assertEquals(0, stopping.evaluationsSinceBest());
  }

  @Test
  void not_a_number_is_no_improvement_and_the_first_number_is_one() {
    EarlyStopping stopping = EarlyStopping.max(2, 0);
    assertFalse(stopping.stopsAfter(Double.NaN));
    assertEquals(Double.NaN, stopping.best());
    assertFalse(stopping.stopsAfter(-5));
    assertEquals(-5, stopping.best());
    assertFalse(stopping.stopsAfter(Double.NaN));
    assertTrue(stopping.stopsAfter(Double.NaN));
    assertTrue(EarlyStopping.min(1, 0).stopsAfter(Double.NaN));
  }

  @Test
  void a_state_goes_on_where_it_was_taken() {
    EarlyStopping whole = EarlyStopping.min(3, 0.1);
    double[] values = {5, 4, 4.5, 3.95, 3.99};
    for (int i = 0; i < values.length; i++) {
      EarlyStopping resumed = EarlyStopping.min(3, 0.1);
      resumed.restore(whole.state());
      assertEquals(whole.stopsAfter(values[i]), resumed.stopsAfter(values[i]));
      assertEquals(whole.state(), resumed.state());
    }
    assertTrue(whole.stops());
    assertEquals(new EarlyStopping.State(4, 2, 5), whole.state());
  }

  @Test
  void what_cannot_be_is_refused() {
    assertEquals(
        "earlyStopping: patience must be positive: 0",
        assertThrows(IllegalArgumentException.class, () -> EarlyStopping.min(0, 0)).getMessage());
    for (double delta : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertEquals(
          "earlyStopping: the least improvement must not be negative: " + delta,
          assertThrows(IllegalArgumentException.class, () -> EarlyStopping.max(1, delta))
              .getMessage());
    }
    assertEquals(
        "earlyStopping: the best evaluation must be one that there was: 3 of 2",
        assertThrows(IllegalArgumentException.class, () -> new EarlyStopping.State(1, 3, 2))
            .getMessage());
  }
}
