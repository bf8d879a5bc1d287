package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a row of {@link OpTable} cannot say: values that meet across elements, and ops together. */
class EdgeCasesTest {

  private static final float NAN = Float.NaN;
  private static final float INF = Float.POSITIVE_INFINITY;

  private Scope scope;

  @BeforeEach
  void openScope() {
    scope = Scope.open();
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  private static Tensor numbers(float... values) {
    return Tensor.of(values);
  }

  // Softmax and losses

  @Test
  void a_row_where_everything_is_masked_has_no_probability_and_no_gradient() {
    Tensor x = Tensor.of(new float[] {-INF, -INF, 0, -INF}, 2, 2);
    try (Tape tape = Tape.record()) {
      Tensor y = Softmax.softmax(x);
      assertArrayEquals(new float[] {0, 0, 1, 0}, y.toFloats());
      Tensor dy = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
      assertArrayEquals(new float[4], tape.vjp(y, dy, x).get(x).toFloats());
    }
  }

  @Test
  void nan_goes_through_softmax_and_stays_in_its_row() {
    for (long columns : new long[] {3, 17, 1025}) {
      Tensor x = Tensor.zeros(2, columns);
      x.view(Shape.of(), columns - 1).fill(Double.NaN);
      float[] y = Softmax.softmax(x).toFloats();
      float[] logs = Softmax.logSoftmax(x).toFloats();
      for (int i = 0; i < y.length; i++) {
        assertEquals(i < columns, Float.isNaN(y[i]), "softmax, element " + i);
        assertEquals(i < columns, Float.isNaN(logs[i]), "logSoftmax, element " + i);
      }
    }
  }

  @Test
  void large_logits_neither_overflow_nor_vanish() {
    assertArrayEquals(
        new float[] {0.5f, 0.5f, 0}, Softmax.softmax(numbers(3e38f, 3e38f, 0)).toFloats());
    assertArrayEquals(new float[] {0, -1000}, Softmax.logSoftmax(numbers(1000, 0)).toFloats());
    Tensor label = Tensor.of(new int[] {1}, 1);
    assertEquals(
        2000, Losses.crossEntropy(Tensor.of(new float[] {1000, -1000}, 1, 2), label).item());
  }

  @Test
  void ignored_rows_count_neither_in_the_loss_nor_in_its_gradient() {
    Tensor x = Tensor.of(new float[] {1, 2, 3, 4, 5, 7}, 3, 2);
    Tensor labels = Tensor.of(new int[] {0, -100, 1});
    try (Tape tape = Tape.record()) {
      Tensor loss = Losses.crossEntropy(x, labels);
      double first = Math.log1p(Math.E);
      double third = Math.log1p(Math.exp(-2));
      assertEquals((first + third) / 2, loss.item(), 1e-6);
      float[] dx = tape.gradients(loss, x).get(x).toFloats();
      assertArrayEquals(new float[] {0, 0}, Arrays.copyOfRange(dx, 2, 4));
      assertEquals((1 / (1 + Math.E) - 1) / 2, dx[0], 1e-6);
    }
  }

  @Test
  void without_any_row_the_loss_is_no_number_and_its_gradient_zero() {
    Tensor x = Tensor.ones(2, 3);
    Tensor labels = Tensor.of(new long[] {-100, -100});
    try (Tape tape = Tape.record()) {
      Tensor loss = Losses.crossEntropy(x, labels);
      assertTrue(Double.isNaN(loss.item()));
      assertArrayEquals(new float[6], tape.gradients(loss, x).get(x).toFloats());
    }
    assertTrue(Double.isNaN(Losses.crossEntropy(Tensor.zeros(0, 3), Tensor.of(new int[0])).item()));
  }

  @Test
  void in_place_the_gradient_takes_the_memory_of_the_logits() {
    Tensor x = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
    Tensor labels = Tensor.of(new int[] {0, 1});
    float[] expected;
    try (Tape tape = Tape.record()) {
      Tensor logits = Pointwise.mul(x, 2);
      expected = tape.gradients(Losses.crossEntropy(logits, labels), x).get(x).toFloats();
    }
    try (Tape tape = Tape.record()) {
      Tensor logits = Pointwise.mul(x, 2);
      Tensor loss = Losses.crossEntropyInPlace(logits, labels);
      Gradients gradients = tape.gradients(loss, x, logits);
      assertArrayEquals(expected, gradients.get(x).toFloats());
      assertTrue(gradients.get(logits).sharesMemoryWith(logits));
      assertTrue(logits.isClosed());
    }
  }

  @Test
  void rotary_in_place_takes_the_memory_of_its_input_and_gives_the_same_gradients() {
    Tensor x = Random.normal(Shape.of(2, 3, 8), Seed.of(1), 0, 1, Device.cpu());
    Tensor w = Random.normal(Shape.of(10, 8), Seed.of(2), 0, 1, Device.cpu());
    Tensor dy = Random.normal(Shape.of(2, 3, 10), Seed.of(3), 0, 1, Device.cpu());
    Tensor[] expected = new Tensor[3];
    try (Tape tape = Tape.record()) {
      expected[0] = tape.keep(Positions.rotary(LinearAlgebra.linear(x, w), 2, 4, 10_000, 7));
      Gradients gradients = tape.keep(tape.vjp(expected[0], dy, x, w));
      expected[1] = gradients.get(x);
      expected[2] = gradients.get(w);
    }
    try (Tape tape = Tape.record()) {
      Tensor packed = LinearAlgebra.linear(x, w);
      Tensor y = Positions.rotaryInPlace(packed, 2, 4, 10_000, 7);
      assertTrue(packed.isClosed() && packed.sharesMemoryWith(y));
      Gradients gradients = tape.vjp(y, dy, x, w);
      assertArrayEquals(expected[0].toFloats(), y.toFloats());
      assertArrayEquals(expected[1].toFloats(), gradients.get(x).toFloats());
      assertArrayEquals(expected[2].toFloats(), gradients.get(w).toFloats());
    }
  }

  @Test
  void rotary_in_place_is_not_undone_for_a_gradient_that_needs_what_was_there() {
    Tensor x = Tensor.ones(1, 2, 4);
    try (Tape tape = Tape.record()) {
      Tensor y = Positions.rotaryInPlace(Activations.sigmoid(x), 1, 4, 10_000, 0);
      var e = assertThrows(IllegalStateException.class, () -> tape.vjp(y, Tensor.ones(1, 2, 4), x));
      assertTrue(e.getMessage().startsWith("tensor: it was closed"), e::getMessage);
    }
  }

  // Reductions

  @Test
  void nan_wins_every_maximum() {
    for (int at = 0; at < 70; at++) {
      float[] values = new float[70];
      values[69 - at] = INF;
      values[at] = NAN;
      assertTrue(Double.isNaN(Reductions.max(numbers(values)).item()), "at " + at);
      assertEquals(at, Reductions.argmax(numbers(values), 0).item());
      Tensor columns = Tensor.of(values, 35, 2);
      assertTrue(Float.isNaN(Reductions.max(columns, 0).toFloats()[at % 2]));
      assertEquals(at / 2, Reductions.argmax(columns, 0).toLongs()[at % 2]);
    }
  }

  @Test
  void the_largest_of_nothing_but_minus_infinity_is_minus_infinity() {
    assertEquals(-INF, Reductions.max(numbers(-INF, -INF, -INF)).item());
    assertEquals(0, Reductions.argmax(numbers(-INF, -INF, -INF), 0).item());
  }

  @Test
  void equal_largest_elements_share_the_gradient() {
    Tensor x = Tensor.of(new float[] {1, 3, 3, 2, 2, 2}, 2, 3);
    try (Tape tape = Tape.record()) {
      Tensor y = Reductions.max(x, 1);
      float third = 1 / 3f;
      assertArrayEquals(
          new float[] {0, 3, 3, third, third, third},
          tape.vjp(y, numbers(6, 1), x).get(x).toFloats());
    }
  }

  @Test
  void sums_of_many_small_numbers_keep_their_digits() {
    Tensor x = Tensor.full(0.1, Shape.of(3_000_001), DType.F32, Device.cpu());
    double exact = 3_000_001 * (double) 0.1f;
    assertEquals(exact, Reductions.sum(x).item(), 1e-6 * exact);
    Tensor tall = Shapes.reshape(x, 3_000_001, 1);
    assertEquals(exact, Reductions.sum(tall, 0).toFloats()[0], 1e-6 * exact);
    Tensor half = Tensor.full(0.1, Shape.of(100_000), DType.F16, Device.cpu());
    assertEquals(10_000, Reductions.sum(half).item(), 10);
  }

  // Linear algebra

  @Test
  void nan_and_infinity_go_through_products() {
    Tensor a = Tensor.of(new float[] {0, 1, NAN, 1, INF, 1}, 3, 2);
    Tensor b = Tensor.of(new float[] {0, 1, 1, 1}, 2, 2);
    assertArrayEquals(
        new float[] {1, 1, NAN, NAN, NAN, INF}, LinearAlgebra.matmul(a, b).toFloats());
  }

  @Test
  void products_of_nothing_are_zero_and_a_bias_is_still_added() {
    assertArrayEquals(
        new float[6], LinearAlgebra.matmul(Tensor.zeros(2, 0), Tensor.zeros(0, 3)).toFloats());
    assertArrayEquals(
        new float[] {1, 2, 1, 2},
        LinearAlgebra.linear(Tensor.zeros(2, 0), Tensor.zeros(2, 0), numbers(1, 2)).toFloats());
  }

  @Test
  void large_products_agree_with_sums_of_products() {
    Tensor a = Random.normal(Shape.of(200, 1100), Seed.of(1), 0, 1, Device.cpu());
    Tensor b = Random.normal(Shape.of(1100, 230), Seed.of(2), 0, 1, Device.cpu());
    for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
      Tensor left = Pointwise.cast(a, type);
      Tensor right = Pointwise.cast(b, type);
      Doubles x = Bits.values(left);
      Doubles w = Bits.values(right);
      Doubles y = Bits.values(LinearAlgebra.matmul(left, right));
      for (int i = 0; i < 200; i += 13) {
        for (int j = 0; j < 230; j += 7) {
          double sum = 0;
          for (int k = 0; k < 1100; k++) {
            sum += x.at(i, k) * w.at(k, j);
          }
          double slack = 2e-4 + Bits.unitRoundoff(type) * Math.abs(sum);
          assertEquals(sum, y.at(i, j), slack, type + " at " + i + ", " + j);
        }
      }
    }
  }

  // Shapes

  @Test
  void tensors_of_many_axes_move_and_broadcast() {
    long[] twos = new long[12];
    Arrays.fill(twos, 2);
    Tensor x = Shapes.reshape(Random.normal(Shape.of(4096), Seed.of(1), 0, 1, Device.cpu()), twos);
    int[] order = new int[12];
    Arrays.setAll(order, axis -> 5 * axis % 12);
    assertArrayEquals(
        Reference.permute(Bits.values(x), order).values(),
        Bits.values(Shapes.permute(x, order)).values());
    long[] alternating = new long[12];
    Arrays.setAll(alternating, axis -> 1 + axis % 2);
    Tensor narrow = Tensor.of(new float[64], alternating);
    assertArrayEquals(x.toFloats(), Pointwise.add(x, narrow).toFloats());
    Doubles sums = Reference.sum(Bits.values(x), false, 0, 2, 4, 6, 8, 10);
    float[] y = Reductions.sum(x, 0, 2, 4, 6, 8, 10).toFloats();
    for (int i = 0; i < y.length; i++) {
      assertEquals(sums.values()[i], y[i], 1e-4);
    }
  }

  @Test
  void more_axes_than_kernels_count_are_refused() {
    long[] twos = new long[20];
    Arrays.fill(twos, 2);
    Tensor x = Tensor.zeros(Shape.of(twos), DType.U8, Device.cpu());
    int[] reversed = new int[20];
    Arrays.setAll(reversed, axis -> 19 - axis);
    var e = assertThrows(RuntimeException.class, () -> Shapes.permute(x, reversed));
    assertTrue(
        e.getMessage().endsWith("20 is not supported: up to 16 are; reshape to fewer axes"),
        e.getMessage());
  }

  @Test
  void reshape_and_slice_share_memory_and_all_else_does_not() {
    Tensor x = Tensor.zeros(4, 3);
    assertTrue(Shapes.reshape(x, 2, 6).sharesMemoryWith(x));
    assertTrue(Shapes.slice(x, 1, 3).sharesMemoryWith(x));
    assertTrue(!Shapes.transpose(x).sharesMemoryWith(x));
    assertTrue(!Shapes.concat(0, x).sharesMemoryWith(x));
  }

  @Test
  void a_cast_to_the_own_type_and_an_expansion_to_the_own_shape_are_the_tensor_itself() {
    Tensor x = Tensor.zeros(4, 3);
    assertSame(x, Pointwise.cast(x, DType.F32));
    assertSame(x, Shapes.expand(x, Shape.of(4, 3)));
  }

  // Casts

  @Test
  void casts_to_integers_saturate_and_nan_becomes_0() {
    Tensor x = numbers(NAN, INF, -INF, 3e9f, -3e9f, 2.9f, -2.9f, 255.9f, -0.9f);
    assertArrayEquals(
        new int[] {
          0,
          Integer.MAX_VALUE,
          Integer.MIN_VALUE,
          Integer.MAX_VALUE,
          Integer.MIN_VALUE,
          2,
          -2,
          255,
          0
        },
        Pointwise.cast(x, DType.I32).toInts());
    assertArrayEquals(
        new long[] {0, Long.MAX_VALUE, Long.MIN_VALUE, 3000000000L, -3000000000L, 2, -2, 255, 0},
        Pointwise.cast(x, DType.I64).toLongs());
    assertArrayEquals(
        new byte[] {0, -1, 0, -1, 0, 2, 0, -1, 0}, Pointwise.cast(x, DType.U8).toBytes());
  }

  @Test
  void large_integers_compare_exactly() {
    Tensor a = Tensor.of(new int[] {16777217, Integer.MAX_VALUE, Integer.MIN_VALUE});
    Tensor b = Tensor.of(new int[] {16777216, Integer.MAX_VALUE - 1, Integer.MAX_VALUE});
    assertArrayEquals(new byte[] {0, 0, 0}, Comparisons.equal(a, b).toBytes());
    assertArrayEquals(new byte[] {1, 1, 0}, Comparisons.greater(a, b).toBytes());
    Tensor c = Tensor.of(new long[] {Long.MAX_VALUE, (1L << 53) + 1});
    Tensor d = Tensor.of(new long[] {Long.MAX_VALUE - 1, 1L << 53});
    assertArrayEquals(new byte[] {0, 0}, Comparisons.equal(c, d).toBytes());
    assertArrayEquals(new byte[] {0, 0}, Comparisons.lessEqual(c, d).toBytes());
  }

  // Indexing and threads

  @Test
  void a_bad_index_among_many_is_named_and_harms_nothing() {
    Tensor x = Random.normal(Shape.of(1000, 40), Seed.of(1), 0, 1, Device.cpu());
    int[] numbers = new int[300_000];
    Arrays.setAll(numbers, i -> i % 1000);
    Tensor good = Tensor.of(numbers);
    float[] expected = Indexing.takeRows(x, good).toFloats();
    numbers[234_567] = 1000;
    numbers[234_568] = -5;
    Tensor bad = Tensor.of(numbers);
    var e = assertThrows(IndexOutOfBoundsException.class, () -> Indexing.takeRows(x, bad));
    assertEquals("takeRows: index 1000 at position 234567 is outside [0, 1000)", e.getMessage());
    assertArrayEquals(expected, Indexing.takeRows(x, good).toFloats());
  }

  @Test
  void rows_taken_many_times_get_the_sum_of_their_gradients() {
    Tensor x = Tensor.ones(3, 2);
    Tensor index = Tensor.of(new long[] {2, 0, 2, 2});
    try (Tape tape = Tape.record()) {
      Tensor dy = Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 4, 2);
      Tensor y = Indexing.takeRows(x, index);
      assertArrayEquals(new float[] {3, 4, 0, 0, 13, 16}, tape.vjp(y, dy, x).get(x).toFloats());
    }
  }

  @Test
  void many_threads_compute_at_once() {
    Tensor x = Random.normal(Shape.of(300, 400), Seed.of(1), 0, 1, Device.cpu());
    float[] expected = work(x);
    List<CompletableFuture<float[]>> threads =
        Collections.nCopies(8, x).stream()
            .map(
                shared ->
                    CompletableFuture.supplyAsync(
                        () -> {
                          float[] y = null;
                          for (int i = 0; i < 10; i++) {
                            y = work(shared);
                          }
                          return y;
                        }))
            .toList();
    threads.forEach(thread -> assertArrayEquals(expected, thread.join()));
  }

  @SuppressWarnings("try") // the scope only has to close
  private static float[] work(Tensor x) {
    try (Scope scope = Scope.open()) {
      Tensor y = LinearAlgebra.matmulNT(Activations.gelu(x), x);
      return Reductions.sum(Softmax.softmax(y), 0).toFloats();
    }
  }
}
