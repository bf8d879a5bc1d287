package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Seed;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OrderTest {

  private static void assertEachOnce(long[] order) {
    assertArrayEquals(
        LongStream.range(0, order.length).toArray(), Arrays.stream(order).sorted().toArray());
  }

  private static void assertFollowsFromItsSeed(Order order, int batchSize) {
    long[] first = order.indices(batchSize, Seed.of(1));
    assertEquals(order.size(), first.length);
    assertArrayEquals(first, order.indices(batchSize, Seed.of(1)));
    assertFalse(Arrays.equals(first, order.indices(batchSize, Seed.of(2))));
  }

  @Test
  void weights_say_how_often_an_example_comes() {
    double[] weights = {0, 1, 3, 0, 0.5, 0};
    int size = 90_000;
    Order order = Order.weighted(weights, size);
    assertFollowsFromItsSeed(order, 8);
    int[] counts = new int[weights.length];
    for (long index : order.indices(8, Seed.of(3))) {
      counts[(int) index]++;
    }
    for (int i = 0; i < weights.length; i++) {
      double p = weights[i] / 4.5;
      double deviation = Math.sqrt(size * p * (1 - p));
      assertEquals(size * p, counts[i], 5 * deviation, "example " + i);
    }
    assertEquals(0, Order.weighted(weights, 0).indices(8, Seed.of(1)).length);
  }

  @Test
  void weights_must_be_such() {
    assertEquals(
        "weighted: weights must not be negative: -1.0 of example 1",
        assertThrows(IllegalArgumentException.class, () -> Order.weighted(new double[] {1, -1}, 3))
            .getMessage());
    assertThrows(
        IllegalArgumentException.class, () -> Order.weighted(new double[] {Double.NaN}, 3));
    assertEquals(
        "weighted: the sum of the weights must be positive and finite: 0.0",
        assertThrows(IllegalArgumentException.class, () -> Order.weighted(new double[2], 3))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> Order.weighted(new double[0], 3));
    assertThrows(
        IllegalArgumentException.class,
        () -> Order.weighted(new double[] {Double.MAX_VALUE, Double.MAX_VALUE}, 3));
    assertThrows(IllegalArgumentException.class, () -> Order.weighted(new double[] {1}, 1L << 31));
  }

  @ParameterizedTest
  @CsvSource({
    "100, 10",
    "100, 7",
    "101, 10",
    "103, 32",
    "5, 8",
    "8, 8",
    "1, 1",
    "97, 1",
    "1000, 64",
    "0, 4"
  })
  void each_batch_has_the_shares_of_the_classes(int n, int batchSize) {
    // Classes of very different sizes, and none of them in one piece: about 1 : 4 : 25.
    long[] classes =
        IntStream.range(0, n).mapToLong(i -> i % 30 == 7 ? -5 : i % 30 % 6 == 1 ? 9 : 0).toArray();
    Order order = Order.stratified(classes);
    long[] indices = order.indices(batchSize, Seed.of(4));
    assertEachOnce(indices);
    for (int from = 0; from < n; from += batchSize) {
      int to = Math.min(from + batchSize, n);
      long[] batch = Arrays.copyOfRange(indices, from, to);
      for (long c : new long[] {-5, 9, 0}) {
        double share =
            (double) (to - from) * Arrays.stream(classes).filter(x -> x == c).count() / n;
        long has = Arrays.stream(batch).filter(i -> classes[(int) i] == c).count();
        // A full batch has its share of what the smaller last one leaves, hence 2 and not 1.
        double allowed = n % batchSize == 0 ? 1 : 2;
        assertTrue(Math.abs(has - share) < allowed, has + " of class " + c + " for " + share);
      }
    }
  }

  @Test
  void stratified_batches_differ_from_epoch_to_epoch() {
    assertFollowsFromItsSeed(
        Order.stratified(IntStream.range(0, 60).mapToLong(i -> i / 20).toArray()), 8);
  }

  @ParameterizedTest
  @CsvSource({"1000, 8", "1003, 8", "5, 8", "0, 3", "300, 1", "2500, 10"})
  void a_bucket_has_sequences_of_similar_length(int n, int batchSize) {
    int[] lengths =
        IntStream.range(0, n).map(i -> 1 + (int) (100 * Seed.of(9).uniform(i))).toArray();
    Order order = Order.bucketed(lengths);
    long[] indices = order.indices(batchSize, Seed.of(4));
    assertEachOnce(indices);
    long padded = 0;
    for (int from = 0; from < n; from += batchSize) {
      int to = Math.min(from + batchSize, n);
      int[] batch = Arrays.stream(indices, from, to).mapToInt(i -> lengths[(int) i]).toArray();
      padded += (long) (to - from) * Arrays.stream(batch).max().orElseThrow();
    }
    long tokens = Arrays.stream(lengths).sum();
    // Shuffled, batches of 8 are padded by more than 70 %; sorted in pools by a few percent.
    assertTrue(n < 8 * batchSize || padded < 1.1 * tokens, padded + " for " + tokens);
  }

  @Test
  void buckets_differ_from_epoch_to_epoch_and_come_in_any_order() {
    Order order = Order.bucketed(IntStream.range(0, 400).toArray());
    assertFollowsFromItsSeed(order, 8);
    long[] indices = order.indices(8, Seed.of(1));
    assertFalse(
        indices[0] < indices[100]
            && indices[100] < indices[200]
            && indices[200] < indices[300]
            && indices[300] < indices[399]);
  }
}
