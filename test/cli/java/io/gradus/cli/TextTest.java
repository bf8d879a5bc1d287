package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Locale;
import org.junit.jupiter.api.Test;

class TextTest {

  @Test
  void bytes_come_in_the_unit_that_fits() {
    assertEquals("0 B", Text.bytes(0));
    assertEquals("1023 B", Text.bytes(1023));
    assertEquals("1.0 KiB", Text.bytes(1024));
    assertEquals("1.5 GiB", Text.bytes(3L << 29));
    assertEquals("8388608.0 TiB", Text.bytes(Long.MAX_VALUE));
  }

  @Test
  void times_have_hours_where_they_need_them() {
    assertEquals("0:00", Text.time(0.4));
    assertEquals("0:07", Text.time(7));
    assertEquals("59:59", Text.time(3599));
    assertEquals("1:00:00", Text.time(3600));
    assertEquals("-:--", Text.time(Double.NaN));
    assertEquals("-:--", Text.time(Double.POSITIVE_INFINITY));
  }

  @Test
  void durations_name_their_unit() {
    assertEquals("3.1 s", Text.duration(3.14));
    assertEquals("1:05 min", Text.duration(65));
    assertEquals("2:00:00 h", Text.duration(7200));
  }

  @Test
  void the_default_locale_changes_nothing() {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.GERMANY);
      assertEquals("97.22%", Text.percent(0.97222));
      assertEquals("1,234.5", Text.format("%,.1f", 1234.5));
    } finally {
      Locale.setDefault(before);
    }
  }
}
