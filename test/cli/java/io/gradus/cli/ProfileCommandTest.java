package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileCommandTest {

  @Test
  void the_kernels_of_a_step_are_shown_and_written(@TempDir Path folder) throws IOException {
    Path trace = folder.resolve("trace.json");
    Path svg = folder.resolve("step.svg");
    Cli run =
        Cli.run(
            "profile",
            "--workload=mlp_784_256_10_b32",
            "--replays=3",
            "--trace=" + trace,
            "--svg=" + svg);
    assertEquals("", run.err());
    assertEquals(0, run.code());
    String table = run.out();
    for (String line :
        new String[] {"f32 32x256x784 nt", "f32 256x784x32 tn", "sgd", "matmulActivation"}) {
      assertTrue(table.contains(line), table);
    }
    assertTrue(table.contains("MB for the tensors of a step"), table);
    assertTrue(Files.readString(trace).contains("\"name\":\"crossEntropy\""));
    assertTrue(Files.readString(svg).contains("</svg>"));
  }

  @Test
  void what_does_not_train_is_refused() {
    Cli run = Cli.run("profile", "--workload=generate_gpt2");
    assertEquals(2, run.code());
    assertTrue(run.err().contains("there is no training of this name"), run.err());
  }

  @Test
  void a_trace_that_cannot_be_written_is_an_error_that_says_so(@TempDir Path folder) {
    Path file = folder.resolve("missing/trace.json");
    Cli run = Cli.run("profile", "--workload=mlp_784_256_10_b32", "--replays=1", "--trace=" + file);
    assertEquals(1, run.code());
    assertTrue(run.err().contains("no such directory"), run.err());
  }
}
