package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigFilesTest {

  @TempDir private Path folder;

  private Cli train(Path config, String... more) {
    var all =
        new java.util.ArrayList<>(
            java.util.List.of("train", "mlp", "--config", config.toString(), "--json", "--output"));
    all.add(folder.resolve("run").toString());
    all.addAll(java.util.List.of(more));
    return Cli.run(all.toArray(new String[0]));
  }

  private void assertRefused(int code, String sentence, String config) throws IOException {
    Path file = Files.writeString(folder.resolve("c.json"), config);
    Cli cli = train(file);
    assertEquals(
        "gradus: " + sentence.replace("FILE", file.toString()) + System.lineSeparator(), cli.err());
    assertEquals(code, cli.code());
    assertTrue(Files.notExists(folder.resolve("run")));
  }

  @Test
  void options_stand_in_json_and_what_is_given_wins() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("c.json"),
            "{\"epochs\": 5, \"hidden\": [16, 8], \"optimizer\": \"sgd\", \"best\": true}");
    Map<String, String> start = train(file, "--epochs", "1").json().get(0);
    assertEquals("1", start.get("epochs"));
    assertEquals("64-16-8-10", start.get("layers"));
    assertEquals("sgd", start.get("optimizer"));
    assertEquals("143", start.get("validation_images"));
  }

  @Test
  void options_stand_in_properties() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("c.properties"), "# a try\nepochs = 1 \nhidden: 4,3\nbest=false\n");
    Cli cli = train(file);
    assertEquals("", cli.err());
    assertEquals("64-4-3-10", cli.json().get(0).get("layers"));
  }

  @Test
  void the_options_of_a_run_make_the_same_run() throws IOException {
    Path first = folder.resolve("first");
    Cli.run("train", "mlp", "--epochs", "1", "--seed", "3", "--output", first.toString());
    assertEquals(0, train(first.resolve("run.json")).code());
    assertArrayEquals(
        Files.readAllBytes(first.resolve("model.safetensors")),
        Files.readAllBytes(folder.resolve("run/model.safetensors")));
  }

  @Test
  void what_is_wrong_in_a_file_is_told_with_its_name() throws IOException {
    assertRefused(
        2,
        "--config: FILE: --epochs: must be 1 or more: 0; see gradus train mlp --help",
        "{\"epochs\": 0}");
    assertRefused(
        2,
        "--config: FILE: Invalid value for option '--batch-size': 'many' is not an int; see gradus"
            + " train mlp --help",
        "{\"batch-size\": \"many\"}");
    assertRefused(
        1, "--config: best must be true or false: maybe in FILE", "{\"best\": \"maybe\"}");
    assertRefused(1, "--config: no JSON object: FILE", "[]");
    assertRefused(1, "--config: clip is no plain value: FILE", "{\"clip\": {}}");
    assertRefused(
        1,
        "--config: it is of another network: cnn in FILE; name that one",
        "{\"network\": \"cnn\"}");
  }

  @Test
  void names_that_there_are_not_and_broken_files_are_refused() throws IOException {
    Path file = Files.writeString(folder.resolve("c.json"), "{\"epoch\": 1}");
    String error = train(file).err();
    assertTrue(
        error.startsWith(
            "gradus: --config: there is no option of this name: epoch in " + file + "; there are "),
        error);
    assertTrue(error.contains("accumulate, augment, batch-size"), error);
    Files.writeString(file, "{\"epochs\": 1");
    assertTrue(train(file).err().startsWith("gradus: --config: broken JSON: " + file));
    Files.writeString(file, "{\"epochs\": 1, \"epochs\": 2}");
    assertTrue(train(file).err().startsWith("gradus: --config: broken JSON: " + file));
    Files.writeString(file, "{\"config\": \"x\"}");
    assertTrue(train(file).err().contains("no option of this name: config in "));
    Files.delete(file);
    assertEquals("gradus: --config: no such file: " + file, train(file).err().strip());
  }
}
