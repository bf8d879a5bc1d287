package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Memory over many training steps, in a virtual machine of its own whose heap is touched at once.
 */
class SteadyMemoryTest {

  /**
   * Held and resident bytes after 200 steps and at the end, the most bytes in use at a time, and
   * the page faults of the threads that compute between.
   */
  private record Run(
      long heldThen, long heldNow, long residentThen, long residentNow, long most, long faults) {}

  @Test
  void memory_is_flat_over_10_000_steps_with_no_scope_but_the_tape() throws Exception {
    Run run = run();
    assertEquals(run.heldThen, run.heldNow, "no page is taken from the system after the start");
    assertTrue(
        run.residentNow <= run.residentThen * 1.02,
        () -> "resident memory grew from " + run.residentThen + " to " + run.residentNow);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt", "replayed"})
  void memory_is_flat_over_1_000_steps_of_a_language_model(String how) throws Exception {
    Run run = run(how);
    assertEquals(run.heldThen, run.heldNow, "no page is taken from the system after the start");
    assertTrue(
        run.residentNow <= run.residentThen * 1.02,
        () -> "resident memory grew from " + run.residentThen + " to " + run.residentNow);
    // Code that was compiled or loaded meanwhile is touched too, once.
    assertTrue(run.faults < 800, () -> "page faults in 800 steps: " + run.faults);
  }

  @Test
  void memory_is_bounded_over_10_000_steps_when_no_tape_is_closed() throws Exception {
    Run run = run("forgotten");
    assertTrue(run.most < 300L << 20, () -> "in use at a time: " + run.most + " bytes");
    assertTrue(run.heldNow < 400L << 20, () -> "held at the end: " + run.heldNow + " bytes");
  }

  private static Run run(String... args) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            // What the optimizing compiler takes for its own work comes and goes by the megabyte.
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xms96m",
            "-Xmx96m",
            "-XX:+AlwaysPreTouch",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            SteadyTraining.class.getName()));
    command.addAll(List.of(args));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    long[] numbers =
        Arrays.stream(output.strip().lines().reduce((a, b) -> b).orElseThrow().split(" "))
            .mapToLong(Long::parseLong)
            .toArray();
    return new Run(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
  }
}
