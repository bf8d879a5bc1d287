package io.gradus.data;

import static io.gradus.data.DatasetTest.counted;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
    TensorDataset data = counted(4);
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

  /** Row i is (i, the first draw of its seed), its label i; some cannot be read. */
  private static final class Slow implements Dataset {
    final AtomicInteger reads = new AtomicInteger();
    final Set<String> threads = ConcurrentHashMap.newKeySet();
    final Set<Batch> made = ConcurrentHashMap.newKeySet();
    final long size;
    final long broken;

    Slow(long size, long broken) {
      this.size = size;
      this.broken = broken;
    }

    @Override
    public long size() {
      return size;
    }

    @Override
    public Batch batch(long[] indices, Seed[] seeds) throws IOException {
      reads.incrementAndGet();
      threads.add(Thread.currentThread().getName());
      float[] inputs = new float[2 * indices.length];
      for (int i = 0; i < indices.length; i++) {
        if (indices[i] == broken) {
          throw new IOException("slow: cannot read: row-" + broken + ".png");
        }
        inputs[2 * i] = indices[i];
        inputs[2 * i + 1] = (float) seeds[i].uniform(0);
      }
      try {
        Thread.sleep(indices[0] % 3); // so that threads overtake each other
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      Batch batch = new Batch(Tensor.of(inputs, indices.length, 2), Tensor.of(indices));
      made.add(batch);
      return batch;
    }

    boolean everythingIsClosed() {
      return made.stream().allMatch(b -> b.inputs().isClosed() && b.targets().isClosed());
    }
  }

  private static List<List<Float>> values(Iterable<Batch> batches) {
    List<List<Float>> values = new ArrayList<>();
    for (Batch batch : batches) {
      List<Float> row = new ArrayList<>();
      for (float x : batch.inputs().toFloats()) {
        row.add(x);
      }
      values.add(row);
    }
    return values;
  }

  private static long threadsThatRead() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("gradus-data-") && thread.isAlive())
        .count();
  }

  @ParameterizedTest
  @CsvSource({"1,1", "1,4", "2,1", "2,3", "4,2", "3,100"})
  void threads_that_read_ahead_change_neither_order_nor_bits(int threads, int ahead) {
    Batches batches = Batches.of(new Slow(50, -1), 3).shuffle(Seed.of(5));
    List<List<Float>> expected = values(batches.epoch(1));
    Slow slow = new Slow(50, -1);
    Batches prefetched = Batches.of(slow, 3).shuffle(Seed.of(5)).prefetch(threads, ahead);
    assertEquals(expected, values(prefetched.epoch(1)));
    assertEquals(0, threadsThatRead());
    assertTrue(slow.everythingIsClosed());
    assertFalse(slow.threads.contains(Thread.currentThread().getName()));
    assertTrue(slow.threads.size() <= threads);
    try (var rest = prefetched.epoch(1, 10)) {
      assertEquals(expected.subList(10, 17), values(() -> rest));
    }
    assertEquals(17 + 7, slow.reads.get());
  }

  @Test
  void what_is_random_in_an_example_follows_from_epoch_and_place() {
    Batches batches = Batches.of(new Slow(20, -1), 4);
    assertEquals(values(batches.epoch(0)), values(batches.epoch(0)));
    assertNotEquals(values(batches.epoch(0)), values(batches.epoch(1)));
    List<Float> draws = new ArrayList<>();
    values(Batches.of(new Slow(20, -1), 4).shuffle(Seed.of(3)))
        .forEach(
            row -> IntStream.range(0, row.size() / 2).forEach(i -> draws.add(row.get(2 * i + 1))));
    assertEquals(20, new HashSet<>(draws).size());
    List<Float> others = new ArrayList<>();
    values(Batches.of(new Slow(20, -1), 7).shuffle(Seed.of(3)))
        .forEach(
            row -> IntStream.range(0, row.size() / 2).forEach(i -> others.add(row.get(2 * i + 1))));
    assertEquals(draws, others);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3})
  void what_cannot_be_read_is_said_when_its_turn_comes(int threads) {
    Slow slow = new Slow(30, 14);
    Batches batches = Batches.of(slow, 3).prefetch(threads, 6);
    var epoch = batches.epoch(0, 0);
    for (int i = 0; i < 4; i++) {
      epoch.next();
    }
    var error = assertThrows(UncheckedIOException.class, epoch::next);
    assertEquals("slow: cannot read: row-14.png", error.getMessage());
    assertFalse(epoch.hasNext());
    assertThrows(NoSuchElementException.class, epoch::next);
    assertEquals(0, threadsThatRead());
    assertTrue(slow.everythingIsClosed());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void an_error_of_the_data_set_comes_out_as_it_is(int threads) {
    Dataset broken =
        new Dataset() {
          @Override
          public long size() {
            return 5;
          }

          @Override
          public Batch batch(long[] indices, Seed[] seeds) {
            if (indices[0] == 4) {
              throw new AssertionError("the fourth");
            }
            return new Batch(Tensor.ones(indices.length + indices[0] / 2, 1), Tensor.ones(1));
          }
        };
    var epoch = Batches.of(broken, 2).prefetch(threads, 2).epoch(0, 0);
    epoch.next();
    var error = assertThrows(IllegalStateException.class, epoch::next);
    assertEquals(
        "batches: the data set made 3 examples of 2 numbers; a batch has one for each",
        error.getMessage());
    var last = Batches.of(broken, 2).prefetch(threads, 2).epoch(0, 2);
    assertEquals("the fourth", assertThrows(AssertionError.class, last::next).getMessage());
  }

  @Test
  void closing_in_the_middle_leaves_no_thread_and_no_memory() {
    Slow slow = new Slow(100, -1);
    try (var epoch = Batches.of(slow, 2).prefetch(3, 10).epoch(0, 0)) {
      epoch.next();
      epoch.next();
      assertTrue(threadsThatRead() > 0);
    }
    assertEquals(0, threadsThatRead());
    assertTrue(slow.everythingIsClosed());
    assertTrue(slow.reads.get() <= 12, () -> slow.reads + " batches were read");
  }

  @Test
  void a_loop_that_is_left_ends_its_threads_too() throws InterruptedException {
    Slow slow = new Slow(100, -1);
    leave(slow);
    // The collector has to see first that nobody can go on with the loop.
    for (int i = 0; i < 500 && (threadsThatRead() > 0 || !slow.everythingIsClosed()); i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertEquals(0, threadsThatRead());
    slow.made.forEach(Batch::close); // the one that was in use is the collector's
  }

  private static void leave(Slow slow) {
    for (Batch batch : Batches.of(slow, 2).prefetch(2, 4)) {
      batch.close();
      break;
    }
  }

  @Test
  void a_thread_that_waits_can_be_interrupted() {
    var epoch = Batches.of(new Slow(9, -1), 3).prefetch(1, 1).epoch(0, 0);
    epoch.next();
    Thread.currentThread().interrupt();
    epoch.close();
    assertTrue(Thread.interrupted());
    CountDownLatch never = new CountDownLatch(1);
    Dataset stuck =
        new Dataset() {
          @Override
          public long size() {
            return 1;
          }

          @Override
          public Batch batch(long[] indices, Seed[] seeds) throws IOException {
            try {
              never.await();
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
            throw new IOException("late");
          }
        };
    var waiting = Batches.of(stuck, 1).prefetch(1, 1).epoch(0, 0);
    Thread.currentThread().interrupt();
    var error = assertThrows(IllegalStateException.class, waiting::next);
    assertEquals(
        "batches: interrupted before batch 0 was read; begin the epoch again there",
        error.getMessage());
    assertTrue(Thread.interrupted());
    never.countDown();
    waiting.close();
  }

  @ParameterizedTest
  @CsvSource({"12,2,3", "13,2,3", "11,4,2", "1,3,2", "7,1,7", "0,2,2", "5,2,1"})
  void parts_have_equally_many_steps_and_together_everything(int rows, int size, int parts) {
    Batches all = Batches.of(counted(rows), size).shuffle(Seed.of(2));
    List<List<List<Long>>> steps = new ArrayList<>();
    for (int part = 0; part < parts; part++) {
      Batches mine = all.shard(part, parts);
      List<List<Long>> batches = new ArrayList<>();
      for (Batch batch : mine.epoch(3)) {
        batches.add(LongStream.of(batch.targets().toLongs()).boxed().toList());
      }
      assertEquals(mine.count(), batches.size());
      steps.add(batches);
    }
    Iterator<Batch> whole =
        Batches.of(counted(rows), size * parts).shuffle(Seed.of(2)).epoch(3).iterator();
    for (int step = 0; step < steps.get(0).size(); step++) {
      List<Long> together = new ArrayList<>();
      for (List<List<Long>> part : steps) {
        assertEquals(steps.get(0).get(step).size(), part.get(step).size());
        together.addAll(part.get(step));
      }
      List<Long> expected = LongStream.of(whole.next().targets().toLongs()).boxed().toList();
      assertEquals(expected, together.subList(0, expected.size()));
      assertTrue(together.size() - expected.size() < parts);
    }
    assertFalse(whole.hasNext());
    Batches full = all.dropLast().shard(parts - 1, parts);
    assertEquals(rows / (size * parts), full.count());
    assertEquals(full.count(), sizes(full).size());
  }

  @Test
  void an_order_of_ones_own_decides_what_an_epoch_has() {
    Order twice =
        new Order() {
          @Override
          public long size() {
            return 4;
          }

          @Override
          public long[] indices(int batchSize, Seed seed) {
            return new long[] {2, 2, 0, 1};
          }
        };
    Batches batches = Batches.of(counted(3), 3).order(twice, Seed.of(1));
    assertEquals(2, batches.count());
    assertEquals(List.of(2L, 2L, 0L, 1L), labels(batches));
  }

  @Test
  void options_that_cannot_be_are_refused() {
    Batches batches = Batches.of(counted(3), 3);
    assertEquals(
        "prefetch: needs 0 threads or more and 1 batch ahead or more: -1 and 1",
        assertThrows(IllegalArgumentException.class, () -> batches.prefetch(-1, 1)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> batches.prefetch(1, 0));
    assertEquals(
        "shard: there is no part 2 of 2",
        assertThrows(IllegalArgumentException.class, () -> batches.shard(2, 2)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> batches.shard(-1, 2));
  }
}
