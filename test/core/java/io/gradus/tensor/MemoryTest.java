package io.gradus.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.ChildJvm;
import io.gradus.LeakingProgram;
import org.junit.jupiter.api.Test;

class MemoryTest {

  private static final long MIB = 1 << 20;

  @Test
  void tensors_outside_all_scopes_are_freed_while_more_are_made() {
    long before = Garbage.settle();
    long held = mostInUse(20_000) - before;
    assertTrue(held < 600 * MIB, () -> "20,000 MiB went through, in use at a time: " + held);
  }

  /** The most bytes in use while tensors of 1 MiB are made and forgotten. */
  private static long mostInUse(int tensors) {
    long most = 0;
    for (int i = 0; i < tensors; i++) {
      Tensor.empty(Shape.of(MIB), DType.U8, Device.cpu());
      most = Math.max(most, Device.cpu().usedBytes());
    }
    return most;
  }

  @Test
  void addresses_are_aligned_for_vectors_and_empty_tensors_have_one() {
    for (long size : new long[] {0, 1, 63, 64, 65, 4097, MIB, 3 * MIB + 1}) {
      try (Tensor x = Tensor.empty(Shape.of(size), DType.U8, Device.cpu())) {
        assertEquals(0, x.address() % 64);
        assertFalse(x.isClosed());
        assertEquals(size, x.size());
      }
    }
  }

  @Test
  void what_was_freed_is_used_again_and_trim_gives_it_back() {
    Device cpu = Device.cpu();
    Garbage.settle();
    cpu.trim();
    Tensor.zeros(MIB).close();
    long held = cpu.heldBytes();
    for (int i = 0; i < 100; i++) {
      Tensor.zeros(MIB).close();
    }
    assertEquals(held, cpu.heldBytes());
    cpu.trim();
    assertTrue(cpu.heldBytes() <= held - 4 * MIB);
    assertTrue(cpu.heldBytes() >= cpu.usedBytes());
  }

  @Test
  void a_request_beyond_the_machine_is_an_exception_that_names_it() {
    long before = Garbage.settle();
    var e =
        assertThrows(
            OutOfDeviceMemoryException.class,
            () -> Tensor.empty(Shape.of(1L << 50), DType.F32, Device.cpu()));
    assertTrue(
        e.getMessage().startsWith("out of memory on cpu: 4.0 PiB requested, "), e.getMessage());
    assertEquals(before, Device.cpu().usedBytes());
  }

  @Test
  void a_request_that_fails_does_not_delay_the_next_collection() {
    assertThrows(
        OutOfDeviceMemoryException.class,
        () -> Tensor.empty(Shape.of(1L << 50), DType.F32, Device.cpu()));
    long before = Garbage.settle();
    assertTrue(mostInUse(2_000) - before < 600 * MIB);
  }

  @Test
  void out_of_memory_names_request_and_held_and_harms_nothing() throws Exception {
    String output = ChildJvm.run(NarrowProgram.class, "-Dgradus.memory=" + 64 * MIB);
    assertEquals(
        "out of memory on cpu: 40.0 MiB requested, 40.0 MiB held by tensors, 24.0 MiB"
            + " free, the limit is 64.0 MiB; use smaller batches, close scopes sooner or raise"
            + " -Dgradus.memory (bytes)\n"
            + "the first is whole\n"
            + "there is room again\n"
            + "garbage made room\n",
        output.replace(System.lineSeparator(), "\n"));
  }

  /** Runs in 64 MiB. */
  static final class NarrowProgram {
    public static void main(String[] args) {
      Tensor first = Tensor.full(3, Shape.of(10 * MIB), DType.F32, Device.cpu());
      try {
        Tensor.empty(Shape.of(10 * MIB), DType.F32, Device.cpu());
      } catch (OutOfDeviceMemoryException e) {
        System.out.println(e.getMessage());
      }
      try (Tensor last = first.view(Shape.of(2), 10 * MIB - 2)) {
        assertArrayEquals(new float[] {3, 3}, last.toFloats());
        System.out.println("the first is whole");
      }
      first.close();
      Tensor.full(1, Shape.of(10 * MIB), DType.F32, Device.cpu()).close();
      System.out.println("there is room again");
      for (int i = 0; i < 20; i++) {
        Tensor.empty(Shape.of(10 * MIB), DType.F32, Device.cpu());
      }
      System.out.println("garbage made room");
    }
  }

  @Test
  void the_leak_report_names_the_line_that_made_a_tensor() throws Exception {
    String output = ChildJvm.run(LeakingProgram.class, "-Dgradus.leaks=true");
    String[] lines = output.lines().filter(line -> line.startsWith("line ")).toArray(String[]::new);
    String file = "io.gradus.LeakingProgram.main(LeakingProgram.java:";
    assertTrue(
        output.contains(
            "leak: a tensor of 4000 bytes was left to the garbage collector; it was made at "
                + file
                + lines[0].substring(5)
                + ")"),
        output);
    assertTrue(
        output.contains(
            "leak: a scope with 2 tensors was never closed; it was opened at "
                + file
                + lines[lines.length - 1].substring(5)
                + ")"),
        output);
    assertEquals(2, output.split("leak: ", -1).length - 1, output);
  }

  @Test
  void without_the_property_leaks_are_not_reported() throws Exception {
    assertFalse(ChildJvm.run(LeakingProgram.class).contains("leak"));
  }
}
