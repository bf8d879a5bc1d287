package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ProgressBarTest {

  private static final Progress HALF = new Progress(3, 10, 500, 1000, 0.3121, 102_345, 72);

  @Test
  void a_wide_terminal_shows_everything() {
    assertEquals(
        "epoch 3/10 ====================--------------------  50%  loss 0.3121"
            + "  102,345 samples/s  1:12 left",
        HALF.bar().render(200, false));
  }

  @Test
  void a_narrow_terminal_loses_facts_from_the_right_and_keeps_a_bar() {
    assertEquals(
        "epoch 3/10 =======-------  50%  loss 0.3121  102,345 samples/s",
        HALF.bar().render(63, false));
    assertEquals("epoch 3/10 ====----  50%", HALF.bar().render(25, false));
  }

  @Test
  void no_width_is_exceeded() {
    for (int columns = 1; columns < 300; columns++) {
      String line = HALF.bar().render(columns, true);
      assertTrue(line.length() < columns, columns + ": " + line);
    }
  }

  @Test
  void a_unicode_terminal_gets_lines() {
    assertEquals("epoch 3/10 ━━━━────  50%", HALF.bar().render(25, true));
  }

  @Test
  void the_bar_is_empty_at_first_and_full_at_last() {
    Progress none = new Progress(1, 1, 0, 7, Double.NaN, 0, Double.NaN);
    Progress all = new Progress(1, 1, 7, 7, 0, 10, 0);
    assertEquals("epoch 1/1 --------   0%", none.bar().render(24, false));
    assertEquals("epoch 1/1 ======== 100%", all.bar().render(24, false));
    assertTrue(none.bar().render(100, false).endsWith("-:-- left"));
    assertTrue(all.bar().render(100, false).endsWith("0:00 left"));
  }
}
