package io.gradus.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopTextTest {

  private final List<String> pieces = new ArrayList<>();

  private StopText stop(String... stops) {
    return new StopText(List.of(stops), pieces::add);
  }

  @Test
  void a_stop_string_over_several_pieces_is_never_seen() {
    StopText text = stop("END.");
    assertTrue(text.add("the E"));
    assertTrue(text.add("N"));
    assertEquals(List.of("the "), pieces);
    assertFalse(text.add("D. and more"));
    assertFalse(text.add("and more"));
    text.finish();
    assertEquals(List.of("the "), pieces);
  }

  @Test
  void what_only_looked_like_a_beginning_comes_later() {
    StopText text = stop("aab", "xy");
    assertTrue(text.add("aa"));
    assertTrue(text.add("a"));
    assertEquals("a", String.join("", pieces));
    assertTrue(text.add("x"));
    assertEquals("aaa", String.join("", pieces));
    text.finish();
    assertEquals("aaax", String.join("", pieces));
  }

  @Test
  void however_text_is_cut_it_ends_before_the_first_stop() {
    Random random = new Random(1);
    for (int run = 0; run < 2000; run++) {
      pieces.clear();
      String whole = letters(random, 12);
      String[] stops = {letters(random, 1 + random.nextInt(3)), letters(random, 3)};
      StopText text = stop(stops);
      boolean more = true;
      for (int at = 0; at < whole.length() && more; ) {
        int to = Math.min(whole.length(), at + 1 + random.nextInt(3));
        more = text.add(whole.substring(at, to));
        at = to;
      }
      text.finish();
      String seen = String.join("", pieces);
      assertTrue(whole.startsWith(seen));
      for (String stop : stops) {
        assertFalse(seen.contains(stop), whole + " " + String.join(" ", stops));
      }
      boolean stopped = whole.contains(stops[0]) || whole.contains(stops[1]);
      assertEquals(stopped, !more);
      assertEquals(stopped, seen.length() < whole.length());
    }
  }

  private static String letters(Random random, int count) {
    return random
        .ints(count, 'a', 'c')
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  @Test
  void an_empty_stop_string_is_refused() {
    assertThrows(IllegalArgumentException.class, () -> stop("a", ""));
  }
}
