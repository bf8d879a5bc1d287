package io.gradus.data;

import static io.gradus.data.DatasetTest.counted;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.tensor.Seed;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SplitsTest {

  private static void assertAPartition(long size, List<long[]> parts) {
    assertArrayEquals(
        LongStream.range(0, size).toArray(),
        parts.stream().flatMapToLong(LongStream::of).sorted().toArray());
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2, 10, 101})
  void shares_make_a_partition(long size) {
    List<long[]> parts = Splits.random(size, Seed.of(1), 0.8, 0.1, 0.1);
    assertAPartition(size, parts);
    assertEquals(Math.round(0.8 * size), parts.get(0).length);
    assertEquals(Math.round(0.9 * size), parts.get(0).length + parts.get(1).length);
    List<long[]> again = Splits.random(size, Seed.of(1), 0.8, 0.1, 0.1);
    assertArrayEquals(parts.get(1), again.get(1));
  }

  @Test
  void the_seed_decides_about_a_split() {
    long[] first = Splits.random(100, Seed.of(1), 0.5, 0.5).get(0);
    assertFalse(Arrays.equals(first, Splits.random(100, Seed.of(2), 0.5, 0.5).get(0)));
    assertFalse(first[49] == 49);
  }

  @Test
  void stratified_parts_have_the_shares_of_each_class() {
    long[] classes = IntStream.range(0, 1_000).mapToLong(i -> i % 10 == 0 ? 3 : i % 2).toArray();
    List<long[]> parts = Splits.stratified(classes, Seed.of(1), 0.7, 0.2, 0.1);
    assertAPartition(1_000, parts);
    double[] shares = {0.7, 0.2, 0.1};
    for (int part = 0; part < 3; part++) {
      for (long c : new long[] {0, 1, 3}) {
        long all = Arrays.stream(classes).filter(x -> x == c).count();
        long has = Arrays.stream(parts.get(part)).filter(i -> classes[(int) i] == c).count();
        assertEquals(shares[part] * all, has, 1);
      }
    }
  }

  @Test
  void each_example_is_tested_in_one_fold() {
    List<Splits.Fold> folds = Splits.kFold(11, 3, Seed.of(1));
    assertAPartition(11, folds.stream().map(Splits.Fold::test).toList());
    for (Splits.Fold fold : folds) {
      assertAPartition(11, List.of(fold.train(), fold.test()));
      assertEquals(11 / 3.0, fold.test().length, 1);
    }
    assertEquals(
        "k-fold: needs from 2 folds to one for each of 4 examples: 5",
        assertThrows(IllegalArgumentException.class, () -> Splits.kFold(4, 5, Seed.of(1)))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> Splits.kFold(4, 1, Seed.of(1)));
  }

  @Test
  void shares_must_sum_to_one() {
    assertEquals(
        "split: the sum of the shares must be 1: [0.5, 0.4] make 0.9",
        assertThrows(IllegalArgumentException.class, () -> Splits.random(4, Seed.of(1), 0.5, 0.4))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> Splits.random(4, Seed.of(1), 1.5, -0.5));
    assertThrows(IllegalArgumentException.class, () -> Splits.random(4, Seed.of(1)));
  }

  @Test
  void a_part_is_a_data_set_of_its_own() throws IOException {
    List<Dataset> parts = counted(10).split(Seed.of(1), 0.7, 0.3);
    long[] train = parts.get(0).load().labels().toLongs();
    long[] test = parts.get(1).load().labels().toLongs();
    assertAPartition(10, List.of(train, test));
    assertEquals(7, train.length);
    Dataset some = counted(10).subset(9, 2, 2).subset(2, 0);
    assertArrayEquals(new long[] {2, 9}, some.load().classes());
    assertEquals(
        "dataset: there is no example 10: there are 10",
        assertThrows(IndexOutOfBoundsException.class, () -> counted(10).subset(3, 10))
            .getMessage());
    assertThrows(IndexOutOfBoundsException.class, () -> some.batch(2));
    assertThrows(IndexOutOfBoundsException.class, () -> counted(10).batch(-1));
    assertEquals(0, counted(10).subset().load().size());
  }
}
