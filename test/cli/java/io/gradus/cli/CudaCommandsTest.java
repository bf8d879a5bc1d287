package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every command that computes, in small, on a GPU or on the emulated one. */
@EnabledIf("hasCuda")
class CudaCommandsTest {

  @TempDir private Path folder;

  static boolean hasCuda() {
    return Device.whyNoCuda() == null;
  }

  /** A command whose words have no spaces, and its arguments that may have some. */
  private static Cli run(String words, Path... more) {
    List<String> arguments = new ArrayList<>(List.of(words.split(" ")));
    for (Path path : more) {
      arguments.add(path.toString());
    }
    arguments.add("--device=cuda");
    Cli run = Cli.run(arguments.toArray(String[]::new));
    assertEquals("", run.err(), words);
    assertEquals(0, run.code(), words);
    return run;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mlp --hidden 16",
        "cnn --width 4 --batch-size 4",
        "rnn --hidden 4 --batch-size 2",
        "vit --width 8 --layers 1 --batch-size 2",
        "vae --hidden 16"
      })
  void networks_train(String how) {
    Path output = folder.resolve("run");
    Cli run = run("train " + how + " --max-steps 2 --json --output", output);
    assertEquals("cuda:0", run.json().get(0).get("device"));
    assertTrue(Files.exists(output.resolve("model.safetensors")));
  }

  @Test
  void a_network_is_resumed_tested_and_asked() throws IOException {
    Path output = folder.resolve("run");
    run("train mlp --hidden 8 --max-steps 2 --output", output);
    Files.delete(output.resolve("model.safetensors")); // as a kill leaves it
    run("resume", output);
    double there = accuracy(run("eval --json", output));
    assertEquals(there, accuracy(Cli.run("eval", output.toString(), "--json", "--device=cpu")));
    run("find-lr mlp --hidden 8 --steps 4");
  }

  private static double accuracy(Cli eval) {
    return Double.parseDouble(eval.json().get(0).get("accuracy"));
  }

  @Test
  void a_language_model_trains_goes_on_and_writes() throws IOException {
    Path text = Files.writeString(folder.resolve("text.txt"), GptFiles.text(12));
    Path output = folder.resolve("gpt");
    String model = " --vocabulary 260 --layers 1 --width 8 --heads 2 --context 8 --batch-size 2";
    run("train gpt --steps 3 --sample-every 0" + model + " --text " + text + " --output", output);
    assertTrue(run("eval", output).out().contains("perplexity"));
    assertEquals(
        Cli.run(
                "generate",
                output.toString(),
                "--prompt=a",
                "--max-tokens=3",
                "--greedy",
                "--device=cpu")
            .out(),
        run("generate --prompt a --max-tokens 3 --greedy", output).out());
  }

  @Test
  void steps_are_measured() {
    String workload = " --workload mlp_784_256_10_b32";
    Cli bench = run("bench --seconds 0.1 --json" + workload);
    assertEquals("cuda:0", bench.json().get(0).get("device"));
    assertTrue(run("profile" + workload).out().contains("matmul"));
  }
}
