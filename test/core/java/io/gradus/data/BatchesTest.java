package io.gradus.data;

import static io.gradus.data.DatasetTest.counted;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Seed;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchesTest {

  private static List<Long> labels(Iterable<Batch> batches) {
    List<Long> labels = new ArrayList<>();
    for (Batch batch : batches) {
      float[] inputs = batch.inputs().toFloats();
      long[] targets = batch.targets().toLongs();
      for (int i = 0; i < targets.length; i++) {
        assertEquals(targets[i], inputs[2 * i]);
        labels.add(targets[i]);
      }
    }
    return labels;
  }

  private static List<Long> sizes(Iterable<Batch> batches) {
    List<Long> sizes = new ArrayList<>();
    batches.forEach(batch -> sizes.add(batch.size()));
    return sizes;
  }

  private static List<Long> range(long n) {
    return LongStream.range(0, n).boxed().toList();
  }

  @ParameterizedTest
  @CsvSource({"0,3", "1,3", "2,3", "3,3", "7,3", "9,3", "13,1", "5,100"})
  void an_epoch_has_each_row_once(int rows, int size) {
    Batches plain = Batches.of(counted(rows), size);
    assertEquals(range(rows), labels(plain));
    Batches shuffled = plain.shuffle(Seed.of(1));
    assertEquals(range(rows), labels(shuffled).stream().sorted().toList());
    assertEquals(shuffled.count(), sizes(shuffled).size());
  }

  @Test
  void an_epoch_can_begin_in_its_middle() {
    Batches batches = Batches.of(counted(10), 3).shuffle(Seed.of(7));
    List<Long> whole = labels(batches.epoch(2));
    try (var rest = batches.epoch(2, 2)) {
      assertEquals(whole.subList(6, 10), labels(() -> rest));
    }
    assertFalse(batches.epoch(2, 4).hasNext());
    var error = assertThrows(IllegalArgumentException.class, () -> batches.epoch(2, 5));
    assertEquals("batches: there are 4 in an epoch: it cannot begin at 5", error.getMessage());
  }

  @Test
  void the_last_batch_is_smaller_or_dropped() {
    Batches batches = Batches.of(counted(7), 3);
    assertEquals(List.of(3L, 3L, 1L), sizes(batches));
    assertEquals(3, batches.count());
    assertEquals(List.of(3L, 3L), sizes(batches.dropLast()));
    assertEquals(2, batches.dropLast().count());
    assertEquals(List.of(3L, 3L), sizes(batches.dropLast().shuffle(Seed.of(1))));
    assertEquals(List.of(), sizes(Batches.of(counted(2), 3).dropLast()));
  }

  @Test
  void each_loop_is_the_next_epoch_in_an_order_of_its_own() {
    Batches batches = Batches.of(counted(20), 4).shuffle(Seed.of(1));
    List<Long> first = labels(batches);
    List<Long> second = labels(batches);
    assertNotEquals(first, second);
    assertEquals(first, labels(batches.epoch(0)));
    assertEquals(second, labels(batches.epoch(1)));
    Batches again = Batches.of(counted(20), 4).shuffle(Seed.of(1));
    assertEquals(first, labels(again));
    assertEquals(second, labels(again));
    assertNotEquals(first, labels(Batches.of(counted(20), 4).shuffle(Seed.of(2))));
  }

  @Test
  void the_size_of_batches_does_not_change_the_order() {
    assertEquals(
        labels(Batches.of(counted(20), 4).shuffle(Seed.of(1))),
        labels(Batches.of(counted(20), 7).shuffle(Seed.of(1))));
  }

  @Test
  void a_batch_is_closed_when_the_loop_goes_on() {
    for (Batches batches :
        List.of(Batches.of(counted(4), 2), Batches.of(counted(4), 2).shuffle(Seed.of(1)))) {
      Iterator<Batch> iterator = batches.iterator();
      Batch first = iterator.next();
      assertTrue(iterator.hasNext());
      assertFalse(first.inputs().isClosed());
      Batch last = iterator.next();
      assertTrue(first.inputs().isClosed() && first.targets().isClosed());
      assertFalse(last.inputs().isClosed());
      assertFalse(iterator.hasNext());
      assertTrue(last.inputs().isClosed() && last.targets().isClosed());
    }
  }

  @Test
  void closing_batches_leaves_the_data() {
    Dataset data = counted(4);
    for (Batch batch : Batches.of(data, 2)) {
      batch.close();
    }
    assertEquals(range(4), labels(Batches.of(data, 3)));
  }

  @Test
  void misuse_is_refused() {
    var error = assertThrows(IllegalArgumentException.class, () -> Batches.of(counted(4), 0));
    assertEquals("batches: the size must be positive: 0", error.getMessage());
    Iterator<Batch> iterator = Batches.of(counted(1), 3).iterator();
    iterator.next();
    assertThrows(NoSuchElementException.class, iterator::next);
  }
}
