package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class JsonTest {

  @Test
  void fields_keep_their_order() {
    assertEquals(
        "{\"b\":\"x\",\"a\":3,\"c\":0.001}",
        new Json().put("b", "x").put("a", 3).put("c", 0.001).toString());
  }

  @Test
  void numbers_are_rounded_to_their_decimals() {
    assertEquals("{\"x\":0.123}", new Json().put("x", 0.12345, 3).toString());
  }

  @Test
  void numbers_that_json_cannot_write_are_null() {
    assertEquals(
        "{\"x\":null,\"y\":null}",
        new Json().put("x", Double.NaN, 3).put("y", Double.POSITIVE_INFINITY, 3).toString());
  }

  @Test
  void strings_are_escaped() {
    assertEquals("{\"file\":\"a\\\\b\\\"c\\n\"}", new Json().put("file", "a\\b\"c\n").toString());
  }
}
