package io.gradus.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ShapeTest {

  @Test
  void negative_axes_count_from_the_end() {
    Shape shape = Shape.of(2, 3, 5);
    assertEquals(5, shape.dim(-1));
    assertEquals(2, shape.dim(-3));
    assertEquals(1, shape.axis(-2));
    var e = assertThrows(IllegalArgumentException.class, () -> shape.dim(3));
    assertEquals("axis 3 is outside the shape (2, 3, 5) of rank 3", e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> shape.dim(-4));
  }

  @Test
  void a_scalar_has_no_axes_and_one_element() {
    assertEquals(0, Shape.of().rank());
    assertEquals(1, Shape.of().size());
    assertEquals("()", Shape.of().toString());
  }

  @Test
  void a_size_of_0_makes_the_shape_empty() {
    assertEquals(0, Shape.of(3, 0, 5).size());
  }

  @Test
  void shapes_are_equal_by_their_sizes() {
    assertEquals(Shape.of(2, 3), Shape.of(2, 3));
    assertEquals(Shape.of(2, 3).hashCode(), Shape.of(2, 3).hashCode());
    assertNotEquals(Shape.of(2, 3), Shape.of(3, 2));
    assertNotEquals(Shape.of(6), Shape.of(2, 3));
  }

  @Test
  void arrays_given_and_taken_are_the_callers_own() {
    long[] dims = {2, 3};
    Shape shape = Shape.of(dims);
    dims[0] = 7;
    shape.toArray()[1] = 7;
    assertArrayEquals(new long[] {2, 3}, shape.toArray());
  }

  @Test
  void axes_are_replaced_and_left_out() {
    assertEquals(Shape.of(2, 7), Shape.of(2, 3).with(-1, 7));
    assertEquals(Shape.of(3), Shape.of(2, 3).without(0));
    assertEquals(Shape.of(), Shape.of(2).without(-1));
    assertEquals(15, Shape.of(2, 3, 5).size(1, 3));
    assertEquals(1, Shape.of(2, 3, 5).size(1, 1));
  }

  @Test
  void negative_sizes_are_refused() {
    var e = assertThrows(IllegalArgumentException.class, () -> Shape.of(2, -3));
    assertEquals("shape: sizes must not be negative: (2, -3)", e.getMessage());
  }

  @Test
  void more_elements_than_a_long_counts_are_refused() {
    var e = assertThrows(IllegalArgumentException.class, () -> Shape.of(1L << 40, 1L << 40));
    assertEquals(
        "shape: more elements than a long can count: (1099511627776, 1099511627776)",
        e.getMessage());
  }
}
