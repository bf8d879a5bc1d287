package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.JsonTree;
import org.junit.jupiter.api.Test;

class GradScalerTest {

  @Test
  void the_scale_falls_at_an_overflow_and_rises_after_the_interval() {
    GradScaler scaler = new GradScaler(1024, 2, 0.5, 3);
    scaler.update(true);
    scaler.update(true);
    scaler.update(false);
    assertEquals(512, scaler.scale());
    scaler.update(true);
    scaler.update(true);
    assertEquals(512, scaler.scale());
    scaler.update(true);
    assertEquals(1024, scaler.scale());
    assertEquals(65536, new GradScaler().scale());
  }

  @Test
  void it_stays_within_what_f32_can_hold() {
    GradScaler scaler = new GradScaler(1, 2, 0.5, 1);
    for (int i = 0; i < 300; i++) {
      scaler.update(true);
    }
    assertEquals(0x1p127, scaler.scale());
    for (int i = 0; i < 300; i++) {
      scaler.update(false);
    }
    assertEquals(0x1p-16, scaler.scale());
    assertTrue(scaler.isLowest());
  }

  @Test
  void a_restored_one_counts_on() {
    GradScaler one = new GradScaler(8, 2, 0.5, 3);
    one.update(true);
    one.update(true);
    GradScaler other = new GradScaler(1, 2, 0.5, 3);
    other.restore(one.toJson());
    other.update(true);
    assertEquals(16, other.scale());
    JsonTree broken = new JsonTree().put("scale", 0.0).put("good_steps", 1L);
    assertThrows(IllegalArgumentException.class, () -> other.restore(broken));
    assertEquals(16, other.scale());
  }

  @Test
  void settings_that_cannot_work_are_refused() {
    assertThrows(IllegalArgumentException.class, () -> new GradScaler(0, 2, 0.5, 1));
    assertThrows(IllegalArgumentException.class, () -> new GradScaler(1, 1, 0.5, 1));
    assertThrows(IllegalArgumentException.class, () -> new GradScaler(1, 2, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> new GradScaler(1, 2, 0.5, 0));
  }
}
