package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gradus.tensor.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DeviceOptionTest {

  /** Every command that computes, with what it needs. */
  static Stream<List<String>> commands() {
    return Stream.of(
        List.of("train", "gpt"),
        List.of("train", "mlp"),
        List.of("train", "cnn"),
        List.of("train", "rnn"),
        List.of("train", "vae"),
        List.of("train", "vit"),
        List.of("resume", "nowhere"),
        List.of("eval", "nowhere"),
        List.of("predict", "nowhere"),
        List.of("find-lr", "mlp"),
        List.of("generate", "nowhere", "--prompt", "a"),
        List.of("bench"),
        List.of("profile"));
  }

  private static Cli run(List<String> command, String device) {
    return Cli.run(
        Stream.concat(command.stream(), Stream.of("--device", device)).toArray(String[]::new));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void a_device_that_nobody_has_is_wrong_usage(List<String> command) {
    Cli run = run(command, "tpu");
    assertEquals(2, run.code());
    assertTrue(
        run.err()
            .startsWith(
                "gradus: --device: there is none of this name: tpu; supported are cpu, cuda, cuda:N"
                    + " and best; see gradus "),
        run.err());
  }

  @Test
  void a_gpu_that_is_missing_comes_out_before_anything_is_made(@TempDir Path folder) {
    assumeTrue(Device.whyNoCuda() != null, "there is a GPU");
    Path output = folder.resolve("gpt");
    Cli run = run(List.of("train", "gpt", "--output", output.toString()), "cuda:1");
    assertEquals(1, run.code());
    assertEquals("", run.out());
    assertTrue(run.err().startsWith("gradus: device: cuda:1 is not available: "), run.err());
    assertTrue(run.err().strip().endsWith(", or --device cpu"), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(Files.notExists(output));
  }

  @Test
  void programs_read_where_it_ran() {
    Cli run =
        Cli.run(
            "bench", "--device=cpu", "--workload=mlp_784_256_10_b32", "--seconds=0.1", "--json");
    assertEquals("cpu", run.json().get(0).get("device"), run.err());
  }
}
