package io.gradus.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorTest {

  private static final Device CPU = Device.cpu();

  private Scope scope;

  @BeforeEach
  void openScope() {
    scope = Scope.open();
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  private static void refuses(String message, Executable code) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, code).getMessage());
  }

  private static void refusesFreed(String message, Executable code) {
    assertEquals(message, assertThrows(IllegalStateException.class, code).getMessage());
  }

  // Making and reading

  @Test
  void arrays_come_back_as_they_went_in() {
    float[] floats = {1.5f, -0f, Float.NaN, Float.MIN_VALUE, Float.NEGATIVE_INFINITY, 7};
    assertArrayEquals(floats, Tensor.of(floats, 2, 3).toFloats());
    int[] ints = {Integer.MIN_VALUE, -1, 0, Integer.MAX_VALUE};
    assertArrayEquals(ints, Tensor.of(ints).toInts());
    long[] longs = {Long.MIN_VALUE, -1, 0, Long.MAX_VALUE};
    assertArrayEquals(longs, Tensor.of(longs, 4, 1).toLongs());
    byte[] bytes = {-128, -1, 0, 127};
    assertArrayEquals(bytes, Tensor.of(bytes).toBytes());
  }

  @Test
  void an_array_without_sizes_becomes_one_axis() {
    assertEquals(Shape.of(3), Tensor.of(new float[3]).shape());
    assertEquals(Shape.of(0), Tensor.of(new int[0]).shape());
  }

  @Test
  void rows_of_arrays_become_a_matrix() {
    Tensor x = Tensor.of(new float[][] {{1, 2, 3}, {4, 5, 6}});
    assertEquals(Shape.of(2, 3), x.shape());
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, x.toFloats());
    assertEquals(Shape.of(0, 0), Tensor.of(new float[0][]).shape());
  }

  @Test
  void rows_of_different_lengths_are_refused() {
    refuses(
        "tensor: rows differ in length: row 0 has 2, row 1 has 3",
        () -> Tensor.of(new float[][] {{1, 2}, {3, 4, 5}}));
  }

  @Test
  void values_that_do_not_fill_the_shape_are_refused() {
    refuses(
        "tensor: 5 values do not fill the shape (2, 3), which takes 6",
        () -> Tensor.of(new float[5], 2, 3));
    refuses(
        "tensor: 7 values do not fill the shape (2, 3), which takes 6",
        () -> Tensor.of(new long[7], 2, 3));
  }

  @Test
  void a_buffer_is_copied_from_its_position_which_stays() {
    FloatBuffer buffer = FloatBuffer.wrap(new float[] {9, 1, 2, 3, 9}, 1, 3);
    assertArrayEquals(new float[] {1, 2, 3}, Tensor.of(buffer).toFloats());
    assertEquals(1, buffer.position());
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void every_type_starts_as_zeros_and_takes_a_number(DType type) {
    Tensor x = Tensor.zeros(Shape.of(2, 3), type, CPU);
    assertArrayEquals(new float[6], x.toFloats());
    x.fill(3);
    assertArrayEquals(new float[] {3, 3, 3, 3, 3, 3}, x.toFloats());
    assertEquals(3, Tensor.full(3, Shape.of(1, 1), type, CPU).item());
    assertEquals(6L * type.bytes(), x.byteSize());
  }

  @Test
  void numbers_are_rounded_to_the_type() {
    assertEquals((float) 0.1, Tensor.full(0.1, Shape.of(), DType.F32, CPU).item());
    assertEquals(0.10009765625, Tensor.full(0.1, Shape.of(), DType.BF16, CPU).item());
    assertEquals(0.0999755859375, Tensor.full(0.1, Shape.of(), DType.F16, CPU).item());
    assertEquals(Double.POSITIVE_INFINITY, Tensor.full(1e6, Shape.of(), DType.F16, CPU).item());
  }

  @Test
  void integers_beyond_what_a_float_holds_keep_their_value() {
    assertEquals(16777217, Tensor.of(new int[] {16777217}).item());
    assertEquals(9007199254740991.0, Tensor.of(new long[] {9007199254740991L}).item());
    assertEquals(255, Tensor.of(new byte[] {-1}).item());
  }

  @Test
  void item_needs_exactly_one_element() {
    assertEquals(7, Tensor.of(new float[] {7}, 1, 1, 1).item());
    refuses("item: needs exactly one element: (2)", () -> Tensor.zeros(2).item());
    refuses("item: needs exactly one element: (0)", () -> Tensor.zeros(0).item());
  }

  @Test
  void arrays_of_another_type_are_refused() {
    refuses("toInts: the tensor is not i32: f32", () -> Tensor.zeros(2).toInts());
    refuses("toLongs: the tensor is not i64: i32", () -> Tensor.of(new int[1]).toLongs());
    refuses("toBytes: the tensor is not u8: f32", () -> Tensor.zeros(2).toBytes());
  }

  @Test
  void too_many_elements_are_refused() {
    refuses(
        "tensor: (4611686018427387904) f32 is too large",
        () -> Tensor.empty(Shape.of(1L << 62), DType.F32, CPU));
  }

  // Bytes

  @Test
  void bytes_go_in_and_out_of_direct_and_heap_buffers() {
    for (boolean direct : new boolean[] {true, false}) {
      Tensor x = Tensor.of(new int[] {1, 2, 3, 4});
      ByteBuffer buffer = direct ? ByteBuffer.allocateDirect(8) : ByteBuffer.allocate(8);
      buffer.order(ByteOrder.LITTLE_ENDIAN);
      x.copyTo(buffer, 4);
      assertEquals(8, buffer.position());
      buffer.flip();
      assertEquals(2, buffer.getInt(0));
      assertEquals(3, buffer.getInt(4));
      x.copyFrom(buffer, 8);
      assertEquals(8, buffer.position());
      assertArrayEquals(new int[] {1, 2, 2, 3}, x.toInts());
    }
  }

  @Test
  void a_buffer_is_read_from_its_position_to_its_limit() {
    Tensor x = Tensor.of(new byte[] {0, 0, 0, 0});
    ByteBuffer direct = ByteBuffer.allocateDirect(5).put(new byte[] {1, 2, 3, 4, 5});
    x.copyFrom(direct.position(1).limit(3), 1);
    assertArrayEquals(new byte[] {0, 2, 3, 0}, x.toBytes());
    ByteBuffer heap = ByteBuffer.wrap(new byte[] {6, 7, 8, 9});
    x.copyFrom(heap.position(2), 2);
    assertArrayEquals(new byte[] {0, 2, 8, 9}, x.toBytes());
  }

  @Test
  void bytes_beyond_the_tensor_are_refused() {
    Tensor x = Tensor.zeros(2);
    refuses(
        "copyTo: 8 bytes at 4 exceed the tensor's 8", () -> x.copyTo(ByteBuffer.allocate(8), 4));
    refuses(
        "copyFrom: 1 bytes at -1 exceed the tensor's 8",
        () -> x.copyFrom(ByteBuffer.allocate(1), -1));
    refuses(
        "copyFrom: 9 bytes at 0 exceed the tensor's 8",
        () -> x.copyFrom(ByteBuffer.allocate(9), 0));
    refuses(
        "copyTo: 1 bytes at 9223372036854775807 exceed the tensor's 8",
        () -> x.copyTo(ByteBuffer.allocate(1), Long.MAX_VALUE));
  }

  // Copies and views

  @Test
  void a_copy_has_memory_of_its_own() {
    Tensor x = Tensor.of(new float[] {1, 2});
    Tensor y = x.copy();
    x.fill(7);
    assertArrayEquals(new float[] {1, 2}, y.toFloats());
    assertFalse(x.sharesMemoryWith(y));
  }

  @Test
  void copying_from_another_shape_type_or_device_is_refused() {
    Tensor x = Tensor.zeros(2, 3);
    refuses(
        "copyFrom: shapes and types must be the same: (2, 3) f32 and (3, 2) f32",
        () -> x.copyFrom(Tensor.zeros(3, 2)));
    refuses(
        "copyFrom: shapes and types must be the same: (2, 3) f32 and (2, 3) f16",
        () -> x.copyFrom(Tensor.zeros(Shape.of(2, 3), DType.F16, CPU)));
  }

  @Test
  void a_view_shares_memory_and_outlives_its_source() {
    Tensor x = Tensor.of(new float[] {0, 1, 2, 3, 4, 5}, 2, 3);
    Tensor row = x.view(Shape.of(3), 3);
    assertTrue(row.sharesMemoryWith(x));
    row.fill(7);
    assertArrayEquals(new float[] {0, 1, 2, 7, 7, 7}, x.toFloats());
    x.close();
    assertFalse(row.isClosed());
    assertArrayEquals(new float[] {7, 7, 7}, row.toFloats());
  }

  @Test
  void a_view_beyond_the_tensor_is_refused() {
    Tensor x = Tensor.zeros(2, 3);
    refuses("view: (4) from element 3 exceeds (2, 3)", () -> x.view(Shape.of(4), 3));
    refuses("view: (1) from element -1 exceeds (2, 3)", () -> x.view(Shape.of(1), -1));
    refuses("view: (0) from element 7 exceeds (2, 3)", () -> x.view(Shape.of(0), 7));
  }

  @Test
  void the_last_sharer_frees_the_memory() {
    long before = Garbage.settle();
    Tensor x = Tensor.zeros(1000);
    Tensor view = x.view(Shape.of(10), 5);
    x.close();
    x.close();
    assertTrue(CPU.usedBytes() > before);
    view.close();
    assertEquals(before, CPU.usedBytes());
  }

  @Test
  void moving_into_a_flat_buffer_shares_its_memory() {
    Tensor flat = Tensor.zeros(6);
    Tensor x = Tensor.of(new float[] {1, 2, 3});
    Tensor old = x.view(Shape.of(3), 0);
    x.moveInto(flat, 2);
    assertTrue(x.sharesMemoryWith(flat));
    assertTrue(x.isPart());
    assertEquals(2, x.blockOffset());
    assertEquals(6, x.blockSize());
    flat.fill(7);
    assertArrayEquals(new float[] {7, 7, 7}, x.toFloats());
    assertArrayEquals(new float[] {1, 2, 3}, old.toFloats());
    assertEquals(Shape.of(6), x.block().shape());
    refuses("view: (3) from element 4 exceeds (6)", () -> x.moveInto(flat, 4));
  }

  @Test
  void a_tensor_is_where_it_is() {
    Tensor x = Tensor.zeros(2);
    assertSame(x, x.to(CPU));
    assertSame(OtherDevice.get(), x.to(OtherDevice.get()).device());
  }

  // State

  @Test
  void a_closed_tensor_is_refused_with_its_shape() {
    String message = "tensor: it was closed: (2, 3) f32; a batch closes when the next one is taken";
    Tensor x = Tensor.zeros(2, 3);
    x.close();
    assertTrue(x.isClosed());
    refusesFreed(message, x::toFloats);
    refusesFreed(message, () -> x.view(Shape.of(), 0));
    refusesFreed(message, x::copy);
    refusesFreed(message, () -> x.fill(0));
    refusesFreed(message, () -> Tensor.zeros(2, 3).copyFrom(x));
  }

  @Test
  void only_floating_types_require_gradients() {
    assertTrue(Tensor.zeros(2).requiresGrad(true).requiresGrad());
    refuses(
        "requiresGrad: only floating types have gradients: i64",
        () -> Tensor.of(new long[2]).requiresGrad(true));
  }

  // Text

  @Test
  void text_shows_shape_type_device_and_values() {
    assertEquals("() f32 cpu 2.5000", Tensor.scalar(2.5f).toString());
    assertEquals(
        "(2, 3) f32 cpu [[0.0000, 1.0000, -2.5000],\n [NaN, Infinity, 1.0000e-10]]",
        Tensor.of(new float[] {0, 1, -2.5f, Float.NaN, Float.POSITIVE_INFINITY, 1e-10f}, 2, 3)
            .toString());
    assertEquals("(2) i64 cpu [-7, 9]", Tensor.of(new long[] {-7, 9}).toString());
    assertEquals("(2) u8 cpu [255, 1]", Tensor.of(new byte[] {-1, 1}).toString());
    assertEquals(
        "(1, 2, 1) i32 cpu [[[3],\n  [4]]]", Tensor.of(new int[] {3, 4}, 1, 2, 1).toString());
    assertEquals("(2, 0) f32 cpu [[],\n []]", Tensor.zeros(2, 0).toString());
    assertEquals("(1) bf16 cpu [1.0000]", Tensor.full(1, Shape.of(1), DType.BF16, CPU).toString());
  }

  @Test
  void text_of_a_large_tensor_shows_its_ends() {
    int[] numbers = new int[2000];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = i;
    }
    assertEquals("(2000) i32 cpu [0, 1, 2, ..., 1997, 1998, 1999]", Tensor.of(numbers).toString());
    assertEquals(
        "(2, 1000) i32 cpu [[0, 1, 2, ..., 997, 998, 999],\n [1000, 1001, 1002, ..., 1997, 1998,"
            + " 1999]]",
        Tensor.of(numbers, 2, 1000).toString());
  }

  @Test
  void text_of_a_closed_tensor_says_so() {
    Tensor x = Tensor.zeros(2);
    x.close();
    assertEquals("(2) f32 cpu closed", x.toString());
  }
}
