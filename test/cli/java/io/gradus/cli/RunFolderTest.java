package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders that somebody broke are refused in a sentence. */
class RunFolderTest {

  @TempDir private Path folder;

  private Path train(String kind) {
    Path run = folder.resolve(kind);
    Cli cli = Cli.run("train", kind, "--max-steps", "2", "--output", run.toString());
    assertEquals("", cli.err());
    return run;
  }

  private static String refused(String... arguments) {
    Cli cli = Cli.run(arguments);
    assertEquals(1, cli.code(), cli.out());
    assertEquals("", cli.out());
    assertEquals(1, cli.err().lines().count(), cli.err());
    return cli.err().strip();
  }

  @ParameterizedTest
  @ValueSource(strings = {"eval", "predict", "resume"})
  void a_folder_that_is_none_or_of_no_run_is_named(String command) throws IOException {
    Path none = folder.resolve("none");
    assertEquals(
        "gradus: " + command + ": no such folder: " + none + "; gradus train makes one",
        refused(command, none.toString()));
    Path file = Files.createFile(folder.resolve("file"));
    assertEquals(
        "gradus: " + command + ": not a folder: " + file + "; gradus train makes one",
        refused(command, file.toString()));
    assertEquals(
        "gradus: "
            + command
            + ": not the folder of a run: "
            + folder
            + " has no network.json; gradus train makes one",
        refused(command, folder.toString()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"network.json", "run.json", "model.safetensors"})
  void files_that_are_cut_short_are_refused(String name) throws IOException {
    Path run = train("mlp");
    Path file = run.resolve(name);
    byte[] bytes = Files.readAllBytes(file);
    for (int length : new int[] {0, 1, 7, bytes.length / 2, bytes.length - 3}) {
      Files.write(file, Arrays.copyOf(bytes, length));
      String error = refused("eval", run.toString());
      assertTrue(error.contains(file.toString()), error);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"sizes\" : \"64-128-10\" | \"sizes\" : \"64-99999999999-10\" | network: broken: ",
        "\"sizes\" : \"64-128-10\" | \"sizes\" : \"\" | network: broken: ",
        "\"sizes\" : \"64-128-10\" | \"sizes\" : \"64-64-10\" | safetensors: ",
        "\"sizes\" : \"64-128-10\" | \"sizes\" : 3 | network: broken: ",
        "\"sizes\" : \"64-128-10\" | \"sizes\" : \"64-128-9\" | network: broken: ",
        "\"channels\" : 1 | \"channels\" : 2 | network: broken: ",
        "\"levels\" : 0 | \"levels\" : 17 | network: broken: ",
        "\"kind\" : \"image\" | \"kind\" : \"sound\" | network: broken: ",
        "\"network\" : \"mlp\" | \"network\" : \"gan\" | network: broken: ",
      })
  void settings_that_cannot_be_are_refused(String right, String wrong, String begin)
      throws IOException {
    Path run = train("mlp");
    Path file = run.resolve("network.json");
    String before = Files.readString(file);
    assertTrue(before.contains(right), before);
    Files.writeString(file, before.replace(right, wrong));
    String error = refused("eval", run.toString());
    assertTrue(error.startsWith("gradus: " + begin), error);
  }

  @Test
  void the_files_of_another_network_are_refused() throws IOException {
    Path mlp = train("mlp");
    Path vae = train("vae");
    Files.copy(vae.resolve("run.json"), mlp.resolve("run.json"), replace());
    String mixed = refused("eval", mlp.toString());
    assertTrue(mixed.startsWith("gradus: run: the files are not of one run: "), mixed);
    Files.delete(mlp.resolve("model.safetensors"));
    assertTrue(refused("resume", mlp.toString()).startsWith("gradus: run: the files are not"));
    Files.copy(mlp.resolve("network.json"), vae.resolve("network.json"), replace());
    String weights = refused("predict", vae.toString(), "x.png");
    assertTrue(weights.startsWith("gradus: safetensors: "), weights);
  }

  private static java.nio.file.CopyOption replace() {
    return java.nio.file.StandardCopyOption.REPLACE_EXISTING;
  }

  @Test
  void options_of_a_run_that_there_are_not_are_refused() throws IOException {
    Path run = train("mlp");
    Path file = run.resolve("run.json");
    String before = Files.readString(file);
    Files.writeString(file, before.replace("\"epochs\" : 40", "\"epochs\" : \"x\""));
    String wrong = refused("eval", run.toString());
    assertTrue(wrong.startsWith("gradus: run: broken: " + file + ": Invalid value"), wrong);
    Files.writeString(file, before.replace("\"epochs\"", "\"years\""));
    String unknown = refused("eval", run.toString());
    assertTrue(unknown.startsWith("gradus: run: there is no option of this name: years"), unknown);
    Files.writeString(file, before.replace("\"mlp\"", "\"gan\""));
    assertTrue(refused("eval", run.toString()).startsWith("gradus: run: it names no network"));
  }

  @Test
  void a_run_without_a_model_or_a_checkpoint_says_so() throws IOException {
    Path run = train("mlp");
    Files.delete(run.resolve("model.safetensors"));
    assertEquals(
        "gradus: eval: there is no "
            + run.resolve("model.safetensors")
            + " yet: the training did not end; go on with gradus resume "
            + run,
        refused("eval", run.toString()));
    for (Path file : Files.list(run.resolve("checkpoint-2")).toList()) {
      Files.delete(file);
    }
    Files.delete(run.resolve("checkpoint-2"));
    assertEquals(
        "gradus: resume: there is no checkpoint in " + run + "; begin with gradus train",
        refused("resume", run.toString()));
  }

  @Test
  void a_run_in_the_folder_is_kept_unless_its_place_is_asked_for() throws IOException {
    Path run = train("mlp");
    byte[] before = Files.readAllBytes(run.resolve("model.safetensors"));
    assertEquals(
        "gradus: --output: the folder is not empty: "
            + run
            + "; go on with gradus resume, take the run's place with --overwrite, or name another"
            + " folder",
        refused("train", "mlp", "--output", run.toString()));
    // What cannot begin takes nobody's place.
    refused("train", "mlp", "--overwrite", "--output", run.toString(), "--data", folder + "/none");
    assertArrayEquals(before, Files.readAllBytes(run.resolve("model.safetensors")));
    Cli.run(
        "train",
        "mlp",
        "--overwrite",
        "--max-steps",
        "3",
        "--no-checkpoints",
        "--output",
        run.toString());
    assertTrue(Files.notExists(run.resolve("checkpoint-2")));
    assertTrue(!Arrays.equals(before, Files.readAllBytes(run.resolve("model.safetensors"))));
  }

  @Test
  void inputs_that_cannot_be_read_are_named() throws IOException {
    Path run = train("mlp");
    assertEquals("gradus: image: no such file: x.png", refused("predict", run.toString(), "x.png"));
    Path broken = Files.writeString(folder.resolve("b.png"), "no picture");
    assertTrue(refused("predict", run.toString(), broken.toString()).contains(broken.toString()));
  }
}
