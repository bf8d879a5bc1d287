package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Examples of one shape, and sequences that are padded. */
class SequencesTest {

  private static final List<int[]> TOKENS =
      List.of(new int[] {1, 2, 3}, new int[] {4}, new int[0], new int[] {5, 6});

  @Test
  void sequences_are_padded_to_the_longest_of_their_batch() throws IOException {
    SequenceDataset data = SequenceDataset.ofClasses(TOKENS, new long[] {7, 8, 9, 7}, 99);
    Batch batch = data.batch(3, 1);
    assertEquals(DType.I32, batch.inputs().dtype());
    assertEquals(Shape.of(2, 2), batch.inputs().shape());
    assertArrayEquals(new int[] {5, 6, 4, 99}, batch.inputs().toInts());
    assertArrayEquals(new int[] {2, 1}, batch.lengths().toInts());
    assertArrayEquals(new long[] {7, 8}, batch.targets().toLongs());
    assertArrayEquals(new int[] {3, 1, 0, 2}, data.lengths());
    assertArrayEquals(new long[] {7, 8, 9, 7}, data.classes());
    assertEquals(Shape.of(1, 0), data.batch(2).inputs().shape());
    batch.close();
    assertTrue(batch.lengths().isClosed());
  }

  @Test
  void tokens_can_have_targets() throws IOException {
    SequenceDataset data =
        SequenceDataset.ofTargets(
            TOKENS, List.of(new int[] {0, 1, 0}, new int[] {1}, new int[0], new int[] {1, 1}), 0);
    Batch batch = data.batch(1, 0);
    assertEquals(Shape.of(2, 3), batch.targets().shape());
    assertArrayEquals(new long[] {1, -100, -100, 0, 1, 0}, batch.targets().toLongs());
    assertThrows(IllegalStateException.class, data::classes);
  }

  @Test
  void buckets_need_less_padding() {
    List<int[]> many =
        IntStream.range(0, 1_000)
            .mapToObj(i -> new int[1 + (int) (50 * Seed.of(3).uniform(i))])
            .toList();
    SequenceDataset data = SequenceDataset.ofClasses(many, new long[1_000], 0);
    Batches shuffled = Batches.of(data, 16).shuffle(Seed.of(1));
    Batches bucketed = Batches.of(data, 16).order(Order.bucketed(data.lengths()), Seed.of(1));
    assertTrue(size(bucketed) < 0.65 * size(shuffled), size(bucketed) + " " + size(shuffled));
  }

  private static long size(Batches batches) {
    long size = 0;
    for (Batch batch : batches) {
      size += batch.inputs().size();
    }
    return size;
  }

  @Test
  void sequences_and_answers_must_pair_up() {
    assertEquals(
        "sequences: there must be one class for each: 4 and 3",
        assertThrows(
                IllegalArgumentException.class,
                () -> SequenceDataset.ofClasses(TOKENS, new long[3], 0))
            .getMessage());
    assertEquals(
        "sequences: there must be one target for each token: 3 and 4 in sequence 0",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    SequenceDataset.ofTargets(
                        TOKENS, List.of(new int[4], new int[1], new int[0], new int[2]), 0))
            .getMessage());
    assertThrows(
        IllegalArgumentException.class, () -> SequenceDataset.ofTargets(TOKENS, List.of(), 0));
  }

  @Test
  void examples_of_one_shape_are_stacked_and_freed() throws IOException {
    List<Tensor> made = new ArrayList<>();
    ExampleDataset data =
        ExampleDataset.of(
            5,
            (i, seed) -> {
              Tensor input = Tensor.full(i, Shape.of(2, 1), DType.F32, Device.cpu());
              made.add(input);
              return Example.of(input, 10 * i);
            });
    Batch batch;
    try (Scope scope = Scope.open()) {
      batch = data.batch(4, 2);
      scope.keep(batch.inputs());
      scope.keep(batch.targets());
    }
    assertEquals(Shape.of(2, 2, 1), batch.inputs().shape());
    assertArrayEquals(new float[] {4, 4, 2, 2}, batch.inputs().toFloats());
    assertArrayEquals(new long[] {40, 20}, batch.targets().toLongs());
    assertEquals(Shape.of(2), batch.targets().shape());
    assertNull(batch.lengths());
    assertTrue(made.stream().allMatch(Tensor::isClosed));
    assertThrows(IndexOutOfBoundsException.class, () -> data.batch(5));
    assertFalse(batch.inputs().isClosed());
  }

  @Test
  void series_of_numbers_are_padded_too() throws IOException {
    Dataset data =
        ExampleDataset.of(
                4,
                (i, seed) -> new Example(Tensor.ones(i + 1, 2), Tensor.of(new long[(int) i + 1])))
            .padded(-1, TokenBatches.NO_TARGET);
    Batch batch = data.batch(0, 2);
    assertEquals(Shape.of(2, 3, 2), batch.inputs().shape());
    assertArrayEquals(
        new float[] {1, 1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1}, batch.inputs().toFloats());
    assertArrayEquals(new long[] {0, -100, -100, 0, 0, 0}, batch.targets().toLongs());
    assertArrayEquals(new int[] {1, 3}, batch.lengths().toInts());
  }

  @Test
  void examples_that_differ_are_refused() {
    ExampleDataset data = ExampleDataset.of(3, (i, seed) -> Example.of(Tensor.ones(i + 1, 2), 0));
    assertEquals(
        "examples: inputs differ: (1, 2) f32 of example 0 and (3, 2) f32 of example 2; make them"
            + " equal, or for sequences call padded()",
        assertThrows(IllegalArgumentException.class, () -> data.batch(0, 2)).getMessage());
    ExampleDataset types =
        ExampleDataset.of(
            2, (i, seed) -> Example.of(i == 0 ? Tensor.ones(1) : Tensor.of(new int[] {1}), 0));
    assertThrows(IllegalArgumentException.class, () -> types.batch(0, 1));
    ExampleDataset ranks =
        ExampleDataset.of(
                2, (i, seed) -> Example.of(i == 0 ? Tensor.ones(2) : Tensor.ones(2, 1), 0))
            .padded(0, 0);
    assertThrows(IllegalArgumentException.class, () -> ranks.batch(0, 1));
    assertThrows(IllegalArgumentException.class, () -> ranks.batch());
    assertThrows(IllegalArgumentException.class, () -> ExampleDataset.of(-1, null));
  }
}
