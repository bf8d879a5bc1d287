package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.SafeTensors;
import io.gradus.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainNetworkCommandTest {

  @TempDir private Path folder;

  private String run() {
    return folder.resolve("run").toString();
  }

  private Path model() {
    return folder.resolve("run/model.safetensors");
  }

  @Test
  void a_few_epochs_learn_the_digits_and_the_log_has_a_line_for_each() throws IOException {
    Cli run = Cli.run("train", "mlp", "--epochs", "10", "--output", run());
    assertEquals("", run.err());
    assertEquals(0, run.code());
    assertEquals(10, run.lines().stream().filter(line -> line.startsWith("epoch ")).count());
    Matcher accuracy = Pattern.compile("test accuracy ([0-9.]+)%").matcher(run.out());
    assertTrue(accuracy.find());
    assertTrue(Double.parseDouble(accuracy.group(1)) >= 95, accuracy.group());
    assertTrue(run.out().contains("predicted"), "the confusion matrix");
    assertFalse(run.out().contains("\r") || run.out().contains("\033"), "a bar in a log");
    assertTrue(run.out().contains("saved " + model()));
    try (SafeTensors file = SafeTensors.read(model())) {
      assertEquals(Set.of("0.weight", "0.bias", "3.weight", "3.bias"), file.names());
      assertEquals(Shape.of(128, 64), file.shape("0.weight"));
      assertEquals(Shape.of(10), file.shape("3.bias"));
    }
  }

  @Test
  void json_lines_have_the_same_keys_for_the_same_event() {
    Cli run = Cli.run("train", "mlp", "--epochs", "2", "--json", "--output", run());
    assertEquals(0, run.code());
    List<Map<String, String>> lines = run.json();
    assertEquals("start", lines.get(0).get("event"));
    assertEquals("64-128-10", lines.get(0).get("layers"));
    assertEquals("1437", lines.get(0).get("train_images"));
    assertEquals("360", lines.get(0).get("test_images"));
    String progress = "event epoch step steps loss samples_per_s seconds_left";
    Map<String, String> keys =
        Map.of(
            "step",
            progress,
            "epoch",
            progress + " test_loss test_accuracy",
            "test",
            "event loss accuracy count confusion seconds",
            "saved",
            "event file bytes");
    for (Map<String, String> line : lines.subList(1, lines.size())) {
      assertEquals(keys.get(line.get("event")), String.join(" ", line.keySet()));
    }
    assertEquals(2, count(lines, "epoch"));
    assertEquals(1, count(lines, "test"));
    assertEquals(1, count(lines, "saved"));
    assertTrue(count(lines, "step") >= 2 * 5, "several groups an epoch");
    Map<String, String> last = lines.get(lines.size() - 1);
    assertEquals(model().toString(), last.get("file"));
    Map<String, String> test = lines.get(lines.size() - 2);
    assertEquals("360", test.get("count"));
    assertEquals(360, sum(test.get("confusion")));
  }

  private static long count(List<Map<String, String>> lines, String event) {
    return lines.stream().filter(line -> line.get("event").equals(event)).count();
  }

  private static int sum(String numbers) {
    return Pattern.compile("\\d+")
        .matcher(numbers)
        .results()
        .mapToInt(number -> Integer.parseInt(number.group()))
        .sum();
  }

  @Test
  void equal_seeds_give_equal_models_and_others_do_not() throws IOException {
    byte[] one = trained("7");
    assertTrue(java.util.Arrays.equals(one, trained("7")));
    assertFalse(java.util.Arrays.equals(one, trained("8")));
  }

  private byte[] trained(String seed) throws IOException {
    Cli run =
        Cli.run(
            "train",
            "mlp",
            "--epochs",
            "1",
            "--dropout",
            "0.1",
            "--seed",
            seed,
            "--output",
            run(),
            "--overwrite");
    assertEquals("", run.err());
    return Files.readAllBytes(model());
  }

  @ParameterizedTest
  @CsvSource({"-,''", "-,.gz", ".,''", ".,.gz"})
  void a_folder_of_idx_files_is_learned_however_they_are_named(String separator, String ending)
      throws IOException {
    IdxFiles.write(folder, separator, ending);
    Cli run =
        Cli.run(
            "train",
            "mlp",
            "--data",
            folder.toString(),
            "--optimizer",
            "sgd",
            "--hidden",
            "16,8",
            "--batch-size",
            "7",
            "--epochs",
            "30",
            "--json",
            "--output",
            run());
    assertEquals("", run.err());
    List<Map<String, String>> lines = run.json();
    assertEquals("6-16-8-4", lines.get(0).get("layers"));
    assertEquals("sgd", lines.get(0).get("optimizer"));
    assertEquals("1.0", lines.get(lines.size() - 2).get("accuracy"));
  }

  @Test
  void images_and_labels_of_other_numbers_are_refused() throws IOException {
    IdxFiles.write(folder);
    IdxFiles.file(folder.resolve("t10k-labels-idx1-ubyte"), new byte[39], 39);
    Cli run = Cli.run("train", "mlp", "--data", folder.toString(), "--output", run());
    assertEquals(1, run.code());
    assertTrue(
        run.err().startsWith("gradus: data: images and labels differ in number: 40 in "),
        run.err());
  }

  @Test
  void labels_in_the_place_of_images_are_refused() throws IOException {
    IdxFiles.write(folder);
    Path file = folder.resolve("train-images-idx3-ubyte");
    IdxFiles.file(file, new byte[120], 120);
    Cli run = Cli.run("train", "mlp", "--data", folder.toString(), "--output", run());
    assertEquals(1, run.code());
    assertEquals(
        "gradus: data: not images: "
            + file
            + " has (120) u8; needed is u8 with 3 axes and one"
            + " element at least",
        run.err().strip());
  }

  @Test
  void a_class_that_only_the_test_has_is_refused() throws IOException {
    IdxFiles.write(folder);
    byte[] labels = new byte[40];
    labels[17] = IdxFiles.CLASSES;
    IdxFiles.file(folder.resolve("t10k-labels-idx1-ubyte"), labels, 40);
    Cli run = Cli.run("train", "mlp", "--data", folder.toString(), "--output", run());
    assertEquals(1, run.code());
    assertEquals(
        "gradus: data: the labels to test go up to 4, those to train to 3 in " + folder,
        run.err().strip());
  }
}
