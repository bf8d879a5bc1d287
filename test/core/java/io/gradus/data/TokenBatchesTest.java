package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Seed;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TokenBatchesTest {

  private static Tokens counting(int count) {
    return Tokens.of(IntStream.range(0, count).toArray(), 1000);
  }

  @Test
  void in_order_each_token_is_a_target_once() {
    TokenBatches batches = TokenBatches.inOrder(counting(3 * 4 + 2), 2, 4);
    assertEquals(2, batches.count());
    TokenBatch first = batches.get(0);
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7}, first.inputs().toInts());
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, first.targets().toInts());
    TokenBatch last = batches.get(1);
    assertEquals(1, last.inputs().dim(0), "the rows that are left");
    assertArrayEquals(new int[] {9, 10, 11, 12}, last.targets().toInts());
    var e = assertThrows(IndexOutOfBoundsException.class, () -> batches.get(2));
    assertEquals("batches: there is no batch 2 of 2", e.getMessage());
  }

  @Test
  void random_rows_are_the_same_for_a_number_and_begin_anywhere() {
    TokenBatches batches = TokenBatches.random(counting(20), 8, 5, Seed.of(3));
    int[] starts = new int[15];
    for (long number = 0; number < 50; number++) {
      int[] inputs = batches.get(number).inputs().toInts();
      assertArrayEquals(inputs, batches.get(number).inputs().toInts());
      int[] targets = batches.get(number).targets().toInts();
      for (int i = 0; i < inputs.length; i++) {
        assertEquals(inputs[i] + 1, targets[i]);
      }
      for (int row = 0; row < 8; row++) {
        starts[inputs[row * 5]]++;
      }
    }
    assertTrue(Arrays.stream(starts).allMatch(n -> n > 0), "every start, the last one included");
    TokenBatches other = TokenBatches.random(counting(20), 8, 5, Seed.of(4));
    assertNotEquals(
        Arrays.toString(batches.get(0).inputs().toInts()),
        Arrays.toString(other.get(0).inputs().toInts()));
  }

  @Test
  void documents_end_with_their_token() {
    Tokens tokens = Tokens.of(new int[] {5, 6, 9, 7, 9, 9, 8, 5, 6}, 10);
    TokenBatch batch = TokenBatches.inOrder(tokens, 1, 8).documents(9).get(0);
    assertArrayEquals(new int[] {0, 0, 0, 1, 1, 2, 3, 3}, batch.documents().toInts());
    assertArrayEquals(new int[] {0, 1, 2, 0, 1, 0, 0, 1}, batch.positions().toInts());
    assertArrayEquals(new int[] {6, 9, -100, 9, -100, -100, 5, 6}, batch.targets().toInts());
  }

  @Test
  void packing_fills_rows_and_cuts_what_is_too_long() {
    TokenBatch batch =
        TokenBatches.pack(
            List.of(
                new int[] {1, 2}, new int[] {3, 4, 5}, new int[] {6}, new int[] {1, 2, 3, 4, 5}),
            4);
    assertArrayEquals(
        new int[] {1, 2, 0, 0, 3, 4, 5, 6, 1, 2, 3, 4, 5, 0, 0, 0}, batch.inputs().toInts());
    int none = TokenBatches.NO_TARGET;
    assertArrayEquals(
        new int[] {2, none, none, none, 4, 5, none, none, 2, 3, 4, none, none, none, none, none},
        batch.targets().toInts());
    assertArrayEquals(
        new int[] {0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1}, batch.documents().toInts());
    assertArrayEquals(
        new int[] {0, 1, 0, 1, 0, 1, 2, 0, 0, 1, 2, 3, 0, 0, 1, 2}, batch.positions().toInts());
  }

  @Test
  void what_makes_no_batch_is_refused() {
    var e =
        assertThrows(IllegalArgumentException.class, () -> TokenBatches.inOrder(counting(5), 1, 5));
    assertEquals(
        "batches: a row of 5 tokens and the one that follows are more than there are: 5; give more"
            + " text or a shorter context",
        e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> TokenBatches.inOrder(counting(5), 0, 2));
    assertThrows(IllegalArgumentException.class, () -> TokenBatches.pack(List.of(), 4));
    assertThrows(
        IllegalArgumentException.class, () -> TokenBatches.pack(List.of(new int[] {1}), 0));
  }
}
