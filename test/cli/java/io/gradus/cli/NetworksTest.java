package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.SafeTensors;
import io.gradus.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each network learns, is tested, answers, and goes on where it stopped. */
class NetworksTest {

  @TempDir private Path folder;

  private String run() {
    return folder.resolve("run").toString();
  }

  private Map<String, String> train(String arguments) {
    List<String> all = new ArrayList<>(List.of("train"));
    all.addAll(List.of(arguments.split(" ")));
    all.addAll(List.of("--output", run(), "--json"));
    Cli cli = Cli.run(all.toArray(new String[0]));
    assertEquals("", cli.err());
    assertEquals(0, cli.code());
    return cli.json().stream()
        .filter(line -> line.get("event").equals("test"))
        .findFirst()
        .orElseThrow();
  }

  private Map<String, String> eval(String... more) {
    List<String> all = new ArrayList<>(List.of("eval", run(), "--json"));
    all.addAll(List.of(more));
    Cli cli = Cli.run(all.toArray(new String[0]));
    assertEquals("", cli.err());
    return cli.json().get(0);
  }

  private static double number(Map<String, String> line, String key) {
    return Double.parseDouble(line.get(key));
  }

  @ParameterizedTest
  @CsvSource({
    "mlp --epochs 12, 0.95",
    "cnn --epochs 4, 0.95",
    "cnn --architecture lenet --size 12 --epochs 8, 0.93",
    "vit, 0.93",
    "rnn --epochs 8 --learning-rate 0.01, 0.82",
  })
  void the_digits_are_learned_and_eval_finds_what_training_found(String arguments, double least) {
    Map<String, String> test = train(arguments);
    assertTrue(number(test, "accuracy") >= least, test.get("accuracy"));
    assertEquals("360", test.get("count"));
    Map<String, String> eval = eval();
    for (String key : List.of("loss", "accuracy", "count", "confusion")) {
      assertEquals(test.get(key), eval.get(key), key);
    }
    assertEquals("digits", eval.get("data"));
    assertTrue(eval.get("classes").contains("\"precision\""));
  }

  @Test
  void an_autoencoder_learns_the_digits_and_draws_others() throws IOException {
    Map<String, String> test = train("vae --epochs 10");
    // 64 pixels of a uniform grey would cost 44 nats; a few epochs come below 30.
    assertTrue(number(test, "loss") < 30, test.get("loss"));
    assertEquals(-number(test, "loss"), number(test, "elbo"));
    assertTrue(Files.size(folder.resolve("run/samples.png")) > 100);
    assertTrue(Files.size(folder.resolve("run/reconstructions.png")) > 100);
    assertEquals(number(test, "loss"), number(eval(), "loss"), 0.5); // other draws
    Path picture = NetworkFiles.picture(folder.resolve("a.b.png"), "red", 20, 1);
    Cli cli = Cli.run("predict", run(), picture.toString());
    assertEquals("", cli.err());
    Path written = folder.resolve("a.b.reconstruction.png");
    assertTrue(cli.out().startsWith("saved " + written + " ("), cli.out());
    assertEquals(8, javax.imageio.ImageIO.read(written.toFile()).getWidth());
  }

  // Going on

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mlp --epochs 3 --optimizer sgd",
        "cnn --epochs 3 --width 4 --augment crop-flip",
        "rnn --epochs 3 --hidden 8",
        "vae --epochs 3",
        "vit --epochs 3 --layers 1 --width 16",
        "mlp --epochs 4 --best --patience 2 --accumulate 2",
        "mlp --epochs 3 --ema 0.99",
        "cnn --epochs 3 --width 4 --ema 0.9 --best",
        "mlp --epochs 4 --scheduler reduce_on_plateau --plateau-patience 0 --learning-rate 0.3"
      })
  void a_resumed_run_ends_with_the_same_bits(String arguments) throws IOException {
    train(arguments + " --save-limit 0");
    byte[] whole = Files.readAllBytes(folder.resolve("run/model.safetensors"));
    // What a kill leaves: the checkpoints up to then, and no model.
    Files.delete(folder.resolve("run/model.safetensors"));
    try (Stream<Path> files = Files.list(folder.resolve("run"))) {
      List<Path> checkpoints =
          files
              .filter(file -> file.getFileName().toString().startsWith("checkpoint-"))
              .sorted((a, b) -> Integer.compare(step(a), step(b)))
              .toList();
      assertTrue(checkpoints.size() >= 2);
      for (Path later : checkpoints.subList(1, checkpoints.size())) {
        remove(later);
      }
    }
    Cli resumed = Cli.run("resume", run(), "--json");
    assertEquals("", resumed.err());
    assertTrue(Integer.parseInt(resumed.json().get(0).get("first_step")) > 0);
    assertArrayEquals(whole, Files.readAllBytes(folder.resolve("run/model.safetensors")));
    Cli again = Cli.run("resume", run());
    assertEquals(1, again.code());
    assertEquals(
        "gradus: resume: there is nothing left to do: the training in "
            + run()
            + " has ended; gradus train --overwrite begins another one",
        again.err().strip());
  }

  @Test
  void a_run_that_was_killed_before_its_model_was_written_gets_it() throws IOException {
    train("mlp --epochs 1");
    byte[] whole = Files.readAllBytes(folder.resolve("run/model.safetensors"));
    Files.delete(folder.resolve("run/model.safetensors"));
    assertEquals(0, Cli.run("resume", run()).code());
    assertArrayEquals(whole, Files.readAllBytes(folder.resolve("run/model.safetensors")));
  }

  @Test
  void an_interrupted_run_stops_behind_its_step_and_goes_on() throws Exception {
    String[] arguments = {"train", "mlp", "--epochs", "60", "--output", run()};
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    StringBuilder out = new StringBuilder();
    try (var reader = process.inputReader()) {
      for (String line; (line = reader.readLine()) != null; ) {
        out.append(line).append('\n');
        if (line.startsWith("epoch  2/")) {
          process.toHandle().destroy(); // as Ctrl-C and kill do
        }
      }
    }
    assertTrue(process.waitFor() != 0, out.toString());
    assertTrue(out.toString().contains("; go on with gradus resume " + run()), out.toString());
    assertTrue(Files.notExists(folder.resolve("run/model.safetensors")));
    assertEquals("", Cli.run("resume", run()).err());
    byte[] resumed = Files.readAllBytes(folder.resolve("run/model.safetensors"));
    arguments[5] = folder.resolve("whole").toString();
    assertEquals("", Cli.run(arguments).err());
    assertArrayEquals(Files.readAllBytes(folder.resolve("whole/model.safetensors")), resumed);
  }

  private static int step(Path checkpoint) {
    return Integer.parseInt(checkpoint.getFileName().toString().substring(11));
  }

  private static void remove(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }

  // Averages

  @ParameterizedTest
  @ValueSource(strings = {"mlp", "cnn --width 4", "rnn --hidden 8", "vae", "vit --layers 1"})
  void the_average_of_the_weights_is_looked_at_tested_and_saved(String network) throws IOException {
    Map<String, String> test =
        train(network + " --epochs 2 --ema 0.9 --batch-size 256"); // 12 steps
    Path checkpoint = folder.resolve("run/checkpoint-12");
    Map<String, float[]> saved = tensors(folder.resolve("run/model.safetensors"));
    Map<String, float[]> average = tensors(checkpoint.resolve("model_ema.safetensors"));
    assertEquals(saved.keySet(), average.keySet());
    saved.forEach((name, values) -> assertArrayEquals(values, average.get(name), name));
    String weight = saved.keySet().stream().filter(n -> n.endsWith("weight")).findFirst().get();
    float[] learning = tensors(checkpoint.resolve("model.safetensors")).get(weight);
    assertFalse(Arrays.equals(learning, saved.get(weight)), weight);
    if (!network.equals("vae")) { // which draws others
      assertEquals(test.get("loss"), eval().get("loss"));
    }
  }

  private static Map<String, float[]> tensors(Path file) throws IOException {
    Map<String, float[]> tensors = new LinkedHashMap<>();
    try (SafeTensors all = SafeTensors.read(file)) {
      for (String name : all.names()) {
        if (all.dtype(name) == DType.F32) {
          tensors.put(name, all.tensor(name).toFloats());
        }
      }
    }
    return tensors;
  }

  // Choosing

  @Test
  void with_best_the_test_part_chooses_nothing() {
    Cli cli = Cli.run("train", "mlp", "--epochs", "2", "--best", "--json", "--output", run());
    Map<String, String> start = cli.json().get(0);
    assertEquals("143", start.get("validation_images"));
    assertEquals("1294", start.get("train_images"));
    assertTrue(
        cli.json().stream()
            .filter(line -> line.get("event").equals("epoch"))
            .allMatch(line -> line.containsKey("validation_accuracy")));
  }

  @Test
  void a_rate_that_evaluations_choose_is_not_chosen_by_the_test_part() {
    String arguments = "train mlp --epochs 3 --scheduler reduce_on_plateau --plateau-patience 0";
    List<String> all = new ArrayList<>(List.of(arguments.split(" ")));
    all.addAll(List.of("--learning-rate", "1e-12", "--output", run(), "--json"));
    Cli cli = Cli.run(all.toArray(new String[0]));
    assertEquals("", cli.err());
    assertEquals("143", cli.json().get(0).get("validation_images"));
  }

  @Test
  void patience_ends_a_training_that_gets_no_better() {
    Map<String, String> test = train("mlp --epochs 200 --patience 2 --learning-rate 1e-12");
    assertTrue(test.get("reason").startsWith("accuracy no longer improves on "), test.toString());
  }

  // Pictures

  @ParameterizedTest
  @ValueSource(strings = {"together", "train and test"})
  void a_folder_of_pictures_is_learned_and_others_are_told(String layout) throws IOException {
    Path data = Files.createDirectory(folder.resolve("data"));
    if (layout.equals("together")) {
      NetworkFiles.pictures(data, 20);
    } else {
      NetworkFiles.pictures(data.resolve("train"), 16);
      NetworkFiles.pictures(data.resolve("test"), 4);
    }
    Map<String, String> test =
        train(
            "cnn --blocks 1 --width 8 --size 8 --epochs 12 --batch-size 8 --augment flip --data "
                + data);
    assertEquals("1.0", test.get("accuracy"));
    assertEquals("12", test.get("count"));
    Map<String, String> eval = eval();
    assertEquals("1.0", eval.get("accuracy"));
    assertTrue(eval.get("classes").startsWith("[{\"class\":\"blue\""), eval.get("classes"));
    Path red = NetworkFiles.picture(folder.resolve("x.png"), "red", 40, 99);
    Cli told = Cli.run("predict", run(), red.toString(), "--top", "2", "--json");
    assertEquals("", told.err());
    assertEquals("red", told.json().get(0).get("class"));
    assertEquals(2, told.json().get(0).get("top").split("class").length - 1);
    Cli line = Cli.run("predict", run(), red.toString());
    assertTrue(line.out().matches("(?s).*x\\.png  red \\d+\\.\\d\\d%\\s*"), line.out());
  }

  @Test
  void other_pictures_to_test_may_have_fewer_classes_but_none_that_is_unknown() throws IOException {
    Path data = Files.createDirectory(folder.resolve("data"));
    NetworkFiles.pictures(data, 10);
    train("mlp --size 4 --epochs 20 --batch-size 8 --data " + data);
    Path other = Files.createDirectories(folder.resolve("other/red"));
    NetworkFiles.picture(other.resolve("1.png"), "red", 9, 5);
    assertEquals("1", eval("--data", other.getParent().toString()).get("count"));
    Files.move(other, other.resolveSibling("pink"));
    Cli refused = Cli.run("eval", run(), "--data", other.getParent().toString());
    assertEquals(
        "gradus: data: the network does not know these classes: [pink]; it knows [blue, green,"
            + " red]",
        refused.err().strip());
  }

  @Test
  void the_files_of_cifar_are_known() throws IOException {
    Path data = Files.createDirectory(folder.resolve("cifar"));
    byte[] images = new byte[20 * 3073];
    for (int i = 0; i < 20; i++) {
      images[i * 3073] = (byte) (i % 10);
      Arrays.fill(images, i * 3073 + 1, (i + 1) * 3073, (byte) (25 * (i % 10)));
    }
    for (int i = 1; i <= 5; i++) {
      Files.write(data.resolve("data_batch_" + i + ".bin"), images);
    }
    Files.write(data.resolve("test_batch.bin"), images);
    Map<String, String> test =
        train("mlp --data " + data + " --epochs 1 --hidden 8 --batch-size 10 --no-checkpoints");
    assertEquals("20", test.get("count"));
    assertTrue(eval().get("classes").contains("\"truck\""));
    try (Stream<Path> files = Files.list(folder.resolve("run"))) {
      assertTrue(files.noneMatch(file -> file.getFileName().toString().startsWith("checkpoint")));
    }
  }

  // Texts

  @Test
  void texts_are_learned_from_every_kind_of_file() throws IOException {
    Path csv = NetworkFiles.csv(folder.resolve("t.csv"), 240);
    Path lines = NetworkFiles.jsonLines(folder.resolve("t.jsonl"), 240);
    Path texts = Files.createDirectory(folder.resolve("texts"));
    NetworkFiles.textFolder(texts, 120);
    String small = " --epochs 8 --width 16 --hidden 16 --vocabulary 300 --learning-rate 0.02";
    for (String data :
        List.of(csv.toString(), lines + " --text review --label stars", texts.toString())) {
      Map<String, String> test = train("rnn --overwrite --data " + data + small);
      assertTrue(number(test, "accuracy") >= 0.9, data + ": " + test.get("accuracy"));
      assertEquals("48", test.get("count"));
      assertEquals(test.get("loss"), eval().get("loss"));
      Cli told = Cli.run("predict", run(), "this book is awful", "a story is great", "--json");
      assertEquals("", told.err());
      assertEquals("bad", told.json().get(0).get("class"));
      assertEquals("good", told.json().get(1).get("class"));
    }
  }

  @Test
  void texts_come_from_standard_input_too_and_may_be_long_or_odd() throws IOException {
    Path csv = NetworkFiles.csv(folder.resolve("t.csv"), 60);
    train("rnn --epochs 1 --max-length 4 --hidden 8 --vocabulary 280 --data " + csv);
    var before = System.in;
    String input = "good ".repeat(1000) + "\n\n\u0000\uD83D\uDE00\n";
    System.setIn(
        new java.io.ByteArrayInputStream(input.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
    try {
      Cli told = Cli.run("predict", run());
      assertEquals("", told.err());
      assertEquals(2, told.lines().size());
      assertTrue(told.lines().get(0).contains("...  "), told.out());
    } finally {
      System.setIn(before);
    }
  }

  // The rate

  @Test
  void a_learning_rate_is_found_and_drawn() throws IOException {
    Path picture = folder.resolve("rate.png");
    Cli cli = Cli.run("find-lr", "mlp", "--steps", "60", "--output", picture.toString(), "--json");
    assertEquals("", cli.err());
    Map<String, String> last = cli.json().get(cli.json().size() - 1);
    assertEquals("suggestion", last.get("event"));
    double rate = number(last, "learning_rate");
    assertTrue(rate > 1e-5 && rate < 0.5, "" + rate);
    assertTrue(Files.size(picture) > 1000);
    Cli table = Cli.run("find-lr", "vae", "--steps", "5", "--bf16");
    assertTrue(table.out().startsWith("rate "), table.out());
    assertTrue(table.out().contains("suggestion: "), table.out());
  }
}
