package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class TerminalTest {

  @Test
  void the_width_is_the_second_number() {
    assertEquals(132, Terminal.columns("24 132\n"));
  }

  @Test
  void a_terminal_that_does_not_know_its_width_has_80_columns() {
    assertEquals(80, Terminal.columns("0 0\n"));
  }

  @Test
  void what_is_no_terminal_has_no_columns() {
    assertEquals(0, Terminal.columns(""));
  }
}
