package io.gradus.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gradus.ChildJvm;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tensors on a GPU, where there is one or {@code gradus.cuda.library} names its stand-in. */
class CudaTest {

  private static final long MIB = 1 << 20;

  private static Device gpu;

  @BeforeAll
  static void open() {
    assumeTrue(Devices.hasCuda(), "there is no GPU");
    gpu = Device.cuda(0);
  }

  @Test
  void a_gpu_is_the_same_object_each_time() {
    assertSame(gpu, Device.cuda(0));
    assertEquals("cuda:0", gpu.toString());
    assertTrue(gpu.description().startsWith("cuda:0 "), gpu.description());
    assertNull(Device.whyNoCuda());
    assertSame(gpu, Device.best());
    assertTrue(gpu.limitBytes() > 0 && gpu.freeBytes() > 0 && gpu.threads() > 0);
  }

  @Test
  void a_gpu_that_is_not_there_is_counted() {
    var e = assertThrows(IllegalStateException.class, () -> Device.cuda(999));
    assertTrue(
        e.getMessage().startsWith("device: cuda:999 is not available: there is no device 999: "),
        e.getMessage());
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void every_type_goes_there_and_back(DType type) {
    for (long size : new long[] {0, 1, 7, 1025, 3 * MIB + 5}) {
      Tensor x = random(size, type);
      Tensor there = x.to(gpu);
      assertNotSame(x, there);
      assertSame(gpu, there.device());
      assertSame(there, there.to(gpu));
      assertEquals(x.describe(), there.describe());
      assertArrayEquals(bytes(x), bytes(there.to(Device.cpu())));
      assertArrayEquals(bytes(x), bytes(there));
    }
  }

  private static Tensor random(long size, DType type) {
    byte[] bytes = new byte[(int) size * type.bytes()];
    new Random(size).nextBytes(bytes);
    Tensor x = Tensor.empty(Shape.of(size), type, Device.cpu());
    x.copyFrom(ByteBuffer.wrap(bytes), 0);
    return x;
  }

  private static byte[] bytes(Tensor x) {
    ByteBuffer bytes = ByteBuffer.allocate((int) x.byteSize());
    x.copyTo(bytes, 0);
    return bytes.array();
  }

  @Test
  void views_go_alone() {
    Tensor x = Tensor.of(new float[] {0, 1, 2, 3, 4, 5}).to(gpu);
    Tensor part = x.view(Shape.of(2), 3);
    assertArrayEquals(new float[] {3, 4}, part.to(Device.cpu()).toFloats());
    part.copyFrom(Tensor.of(new float[] {7, 8}));
    assertArrayEquals(new float[] {0, 1, 2, 7, 8, 5}, x.toFloats());
    Tensor back = Tensor.zeros(3);
    back.view(Shape.of(2), 1).copyFrom(part);
    assertArrayEquals(new float[] {0, 7, 8}, back.toFloats());
  }

  @Test
  void one_gpu_s_tensors_go_to_another() {
    Device second = second();
    assumeTrue(second != null, "there is one GPU");
    Tensor there = Tensor.of(new int[] {1, 2, 3}).to(gpu).to(second);
    assertSame(second, there.device());
    assertArrayEquals(new int[] {1, 2, 3}, there.toInts());
  }

  private static Device second() {
    try {
      return Device.cuda(1);
    } catch (IllegalStateException e) {
      return null;
    }
  }

  @Test
  void values_are_read_from_there() {
    assertEquals(2.5, Tensor.scalar(2.5f).to(gpu).item());
    assertArrayEquals(new int[] {3, -4}, Tensor.of(new int[] {3, -4}).to(gpu).toInts());
    assertArrayEquals(new long[] {3, -4}, Tensor.of(new long[] {3, -4}).to(gpu).toLongs());
    assertArrayEquals(new byte[] {3, -4}, Tensor.of(new byte[] {3, -4}).to(gpu).toBytes());
    Tensor narrow = Tensor.full(1.5, Shape.of(2), DType.BF16, Device.cpu()).to(gpu);
    assertArrayEquals(new float[] {1.5f, 1.5f}, narrow.toFloats());
    assertEquals("(2) bf16 cuda:0 [1.5000, 1.5000]", narrow.toString());
  }

  @Test
  void waiting_is_harmless() {
    Device.cpu().await();
    gpu.await();
  }

  @Test
  void memory_counts_where_it_is() {
    Garbage.settle();
    long onCpu = Device.cpu().usedBytes();
    long before = gpu.usedBytes();
    try (Tensor x = Tensor.empty(Shape.of(8 * MIB), DType.U8, gpu)) {
      assertTrue(gpu.usedBytes() >= before + x.byteSize());
      assertEquals(onCpu, Device.cpu().usedBytes());
      assertNotEquals(0, x.address());
    }
    assertEquals(before, gpu.usedBytes());
    gpu.trim();
    assertTrue(gpu.heldBytes() >= gpu.usedBytes());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 30})
  void tensors_left_to_the_collector_are_freed(int mib) {
    long before = gpu.usedBytes();
    for (int i = 0; i < 2000 / mib; i++) {
      Tensor.empty(Shape.of(mib * MIB), DType.U8, gpu);
    }
    assertTrue(gpu.usedBytes() - before < 1500 * MIB);
  }

  @Test
  void out_of_memory_names_request_held_and_free_and_harms_nothing() throws Exception {
    String output = ChildJvm.run(NarrowProgram.class, "-Dgradus.cuda.memory=" + 64 * MIB);
    assertEquals(
        "out of memory on cuda:0: 40.0 MiB requested, 40.0 MiB held by tensors, 24.0 MiB free, the"
            + " limit is 64.0 MiB; use smaller batches, close scopes sooner or raise"
            + " -Dgradus.cuda.memory (bytes)\n"
            + "the first is whole\n"
            + "what was kept made room\n",
        output.replace(System.lineSeparator(), "\n"));
  }

  /** Runs in 64 MiB of the device. */
  static final class NarrowProgram {
    public static void main(String[] args) {
      Device gpu = Device.cuda(0);
      Tensor first = Tensor.full(3, Shape.of(10 * MIB), DType.F32, Device.cpu()).to(gpu);
      try {
        Tensor.empty(Shape.of(10 * MIB), DType.F32, gpu);
      } catch (OutOfDeviceMemoryException e) {
        System.out.println(e.getMessage());
      }
      try (Tensor last = first.view(Shape.of(2), 10 * MIB - 2)) {
        assertArrayEquals(new float[] {3, 3}, last.toFloats());
        System.out.println("the first is whole");
      }
      first.close();
      Tensor.empty(Shape.of(50 * MIB), DType.U8, gpu).close();
      System.out.println("what was kept made room");
    }
  }
}
