package io.gradus.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.tensor.Tensor;
import org.junit.jupiter.api.Test;

class ConfusionMatrixTest {

  private static ConfusionMatrix example() {
    ConfusionMatrix confusion = new ConfusionMatrix(3);
    confusion.add(Tensor.of(new int[] {0, 0, 1, 0, 1}), Tensor.of(new long[] {0, 0, 0, 1, 1}));
    return confusion;
  }

  @Test
  void counts_and_shares_follow_their_definitions() {
    ConfusionMatrix confusion = example();
    assertEquals(5, confusion.total());
    assertEquals(2, confusion.count(0, 0));
    assertEquals(1, confusion.count(0, 1));
    assertEquals(1, confusion.count(1, 0));
    assertEquals(0.6, confusion.accuracy());
    assertEquals(2 / 3.0, confusion.precision(0));
    assertEquals(2 / 3.0, confusion.recall(0));
    assertEquals(2 / 3.0, confusion.f1(0), 1e-15);
    assertEquals(0.5, confusion.f1(1));
    assertEquals(Double.NaN, confusion.precision(2));
    assertEquals(Double.NaN, confusion.recall(2));
    assertEquals(Double.NaN, confusion.f1(2));
    assertEquals(Double.NaN, new ConfusionMatrix(2).accuracy());
  }

  @Test
  void the_largest_score_is_the_prediction() {
    ConfusionMatrix confusion = new ConfusionMatrix(3);
    Tensor scores = Tensor.of(new float[] {1, 3, 2, -1, -2, -3, 5, 5, 4}, 3, 3);
    confusion.add(scores, Tensor.of(new int[] {1, 2, 0}));
    assertEquals(1, confusion.count(1, 1));
    assertEquals(1, confusion.count(2, 0));
    assertEquals(1, confusion.count(0, 0));
    confusion.add(scores, Tensor.of(new int[] {1, 2, 0}));
    assertEquals(6, confusion.total());
    assertEquals(4 / 6.0, confusion.accuracy());
  }

  @Test
  void prints_as_an_aligned_table() {
    assertEquals(
        """
        actual \\ predicted
                0  1  2  precision  recall     f1
             0  2  1  0      0.667   0.667  0.667
             1  1  1  0      0.500   0.500  0.500
             2  0  0  0          -       -      -
        accuracy 0.600 of 5\
        """,
        example().toString());
  }

  @Test
  void classes_that_there_are_not_count_nothing() {
    ConfusionMatrix confusion = new ConfusionMatrix(3);
    var error =
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> confusion.add(Tensor.of(new int[] {0, 1}), Tensor.of(new int[] {2, 3})));
    assertEquals("confusionMatrix: labels must lie in [0, 3): element 1 is 3", error.getMessage());
    error =
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> confusion.add(Tensor.of(new int[] {0, -1}), Tensor.of(new int[] {2, 2})));
    assertEquals(
        "confusionMatrix: predictions must lie in [0, 3): element 1 is -1", error.getMessage());
    assertEquals(0, confusion.total());
  }

  @Test
  void shapes_and_types_must_fit() {
    ConfusionMatrix confusion = new ConfusionMatrix(3);
    Tensor labels = Tensor.of(new int[] {0, 1});
    var error =
        assertThrows(
            IllegalArgumentException.class, () -> confusion.add(Tensor.ones(2, 4), labels));
    assertEquals(
        "confusionMatrix: predictions must be (n, 3) or (n), labels (n): (2, 4) f32 and (2) i32",
        error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> confusion.add(Tensor.ones(3, 3), labels));
    error =
        assertThrows(IllegalArgumentException.class, () -> confusion.add(labels, Tensor.ones(2)));
    assertEquals("confusionMatrix: labels must be i32 or i64: (2) f32", error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new ConfusionMatrix(0));
  }
}
