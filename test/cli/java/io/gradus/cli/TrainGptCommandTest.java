package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.SafeTensors;
import io.gradus.hub.BpeTrainer;
import io.gradus.hub.Tokenizer;
import io.gradus.model.GptConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainGptCommandTest {

  @TempDir private Path folder;
  private Path text;
  private Path output;

  @BeforeEach
  void writeText() throws IOException {
    text = GptFiles.write(folder);
    output = folder.resolve("gpt");
  }

  private Cli train(String... more) {
    return GptFiles.train(text, output, more);
  }

  private static void assertFails(Cli run, String sentence) {
    assertEquals("gradus: " + sentence, run.err().strip());
    assertEquals(1, run.code());
  }

  @Test
  void some_steps_beat_the_unigram_entropy_and_leave_a_model() throws IOException {
    Cli run = train("--steps", "60", "--learning-rate", "0.02", "--json");
    assertEquals("", run.err());
    List<Map<String, String>> lines = run.json();
    Map<String, String> end = lines.get(lines.size() - 1);
    double loss = Double.parseDouble(end.get("validation_loss"));
    assertTrue(loss < 0.8 * Double.parseDouble(end.get("unigram_entropy")), end.toString());
    assertEquals(Math.exp(loss), Double.parseDouble(end.get("perplexity")), 1e-3);
    try (Stream<Path> files = Files.list(output)) {
      assertEquals(
          "[config.json, last.safetensors, model.safetensors, run.json, text.tokens,"
              + " tokenizer.json]",
          new TreeSet<>(files.map(file -> file.getFileName().toString()).toList()).toString());
    }
    Tokenizer tokenizer = Tokenizer.load(output.resolve("tokenizer.json"));
    GptConfig config = GptConfig.read(output.resolve("config.json"));
    assertEquals(tokenizer.size(), config.vocabulary());
    assertEquals(96, config.hidden(), "follows the width");
    try (SafeTensors model = SafeTensors.read(output.resolve("model.safetensors"))) {
      assertTrue(model.names().contains("blocks.1.feedForward.down.weight"));
    }
  }

  @Test
  void json_lines_have_the_keys_of_their_event() {
    List<Map<String, String>> lines = train("--steps", "5", "--json").json();
    Map<String, String> keys =
        Map.of(
            "step",
            "event step steps loss gradient_norm learning_rate tokens_per_s mfu seconds_left",
            "evaluation",
            "event step loss best",
            "sample",
            "event step prompt text",
            "saved",
            "event file",
            "end",
            "event finished step validation_loss perplexity bits_per_byte unigram_entropy seconds");
    assertEquals("start", lines.get(0).get("event"));
    assertEquals("64", Integer.toString(4 * Integer.parseInt(lines.get(0).get("time"))));
    for (Map<String, String> line : lines.subList(1, lines.size())) {
      assertEquals(keys.get(line.get("event")), String.join(" ", line.keySet()));
    }
    for (String event : List.of("step", "evaluation", "sample")) {
      assertEquals(5, lines.stream().filter(line -> line.get("event").equals(event)).count());
    }
  }

  @Test
  void people_read_the_loss_to_beat_samples_and_how_to_go_on() {
    String log = train("--steps", "4", "--sample-prompt", "Ahab", "--sample-every", "4").out();
    assertTrue(log.contains("the loss to beat is "), log);
    assertTrue(log.contains("bits per byte; the unigram entropy is "), log);
    assertEquals(1, log.lines().filter(line -> line.startsWith("  | Ahab")).count(), log);
    assertEquals(4, log.lines().filter(line -> line.startsWith("step ")).count(), log);
    assertTrue(log.contains("./gradus generate " + output + " --prompt \"Ahab\""), log);
  }

  /** Standard output that is closed after so many lines, as by {@code head}. */
  private static int runUntil(int lines, String... args) {
    PrintStream out = System.out;
    OutputStream closing =
        new OutputStream() {
          private int left = lines;

          @Override
          public void write(int b) throws IOException {
            if (left == 0) {
              throw new IOException("Broken pipe");
            }
            left -= b == '\n' ? 1 : 0;
          }
        };
    System.setOut(new PrintStream(closing, true));
    try {
      return Main.run(args);
    } finally {
      System.setOut(out);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "0.9"})
  void a_run_that_was_cut_off_goes_on_to_the_same_bits(String ema) throws IOException {
    String[] settings = {
      "--ema",
      ema,
      "--steps",
      "9",
      "--save-every",
      "2",
      "--evaluate-every",
      "3",
      "--dropout",
      "0.1",
      "--accumulate",
      "2",
      "--seed",
      "-5",
      "--json"
    };
    assertEquals(0, train(settings).code());
    Path cut = folder.resolve("cut");
    assertEquals(1, runUntil(12, GptFiles.arguments(text, cut, settings)));
    Cli run = Cli.run("train", "gpt", "--resume", "--output", cut.toString(), "--json");
    assertEquals("", run.err());
    int first = Integer.parseInt(run.json().get(0).get("first_step"));
    assertTrue(first > 0 && first < 9, "it had begun and not ended: " + first);
    for (String file : List.of("model.safetensors", "last.safetensors")) {
      assertArrayEquals(
          Files.readAllBytes(output.resolve(file)), Files.readAllBytes(cut.resolve(file)), file);
    }
    assertFails(
        Cli.run("train", "gpt", "--resume", "--output", cut.toString()),
        "--resume: the run in "
            + cut
            + " has finished all of its 9 steps; name another folder with --output to train"
            + " again");
  }

  @Test
  void there_may_be_nothing_to_resume() throws IOException {
    assertFails(
        Cli.run("train", "gpt", "--resume", "--output", output.toString()),
        "--resume: there is nothing to resume in "
            + output
            + ": no run.json; leave out --resume to begin");
    train("--steps", "1");
    Files.delete(output.resolve("last.safetensors"));
    assertFails(
        Cli.run("train", "gpt", "--resume", "--output", output.toString()),
        "--resume: there is nothing to resume in "
            + output
            + ": no last.safetensors; leave out --resume to begin, with --overwrite");
  }

  @Test
  void another_run_is_replaced_only_on_request() throws IOException {
    train("--steps", "2");
    byte[] before = Files.readAllBytes(output.resolve("last.safetensors"));
    assertFails(
        train("--steps", "1"),
        "--output: "
            + output
            + " has another run; go on with it by --resume, replace it by --overwrite, or name"
            + " another folder");
    assertArrayEquals(before, Files.readAllBytes(output.resolve("last.safetensors")));
    assertEquals(0, train("--steps", "1", "--overwrite").code());
  }

  @Test
  void a_folder_of_other_things_is_left_alone() throws IOException {
    Files.createDirectory(output);
    Files.writeString(output.resolve("letter.txt"), "mine");
    assertFails(
        train(), "--output: " + output + " is not empty; name another folder, or --overwrite");
    assertFails(GptFiles.train(text, text), "--output: not a folder: " + text);
  }

  @Test
  void a_loss_that_is_no_number_ends_the_run_in_one_sentence() {
    Cli run = train("--steps", "50", "--learning-rate", "1e30", "--clip", "0", "--warmup", "0");
    assertEquals(1, run.code());
    assertTrue(
        run.err().startsWith("gradus: train: the loss or its gradient is no number any more"),
        run.err());
    assertEquals(1, run.err().lines().count());
  }

  /** Whether the tokenizer is to be learned from the text or there already. */
  private void assertTextRefused(String sentence) throws IOException {
    assertFails(train(), sentence);
    assertFalse(Files.exists(output), "written before the text was checked");
    String[] args = {"train", "gpt", "--tokenizer", tokenizer(), "--text", text.toString()};
    Cli run =
        Cli.run(
            Stream.concat(Stream.of(args), Stream.of("--output", output.toString()))
                .toArray(String[]::new));
    assertFails(run, sentence);
    assertFalse(Files.exists(output), "written before the text was checked");
  }

  private String tokenizer() throws IOException {
    Path file = folder.resolve("words.json");
    new BpeTrainer(280, "<|endoftext|>").add(GptFiles.text(50)).train().save(file);
    return file.toString();
  }

  @Test
  void what_is_no_text_is_refused_before_anything_is_written() throws IOException {
    Files.write(text, new byte[] {'a', 'b', 0, 'c'});
    assertTextRefused(
        "tokenizer: not a text file: "
            + text
            + " has a zero byte and is no text at byte 2; convert it to UTF-8");
    Files.write(text, new byte[] {'a', (byte) 0xff, 'b'});
    assertTextRefused(
        "tokenizer: not a text file: " + text + " is not UTF-8 at byte 1; convert it to UTF-8");
    Files.write(text, new byte[0]);
    assertTextRefused("text: the file is empty: " + text + "; leave it out");
    Files.delete(text);
    assertTextRefused("text: no such file: " + text);
    Files.createDirectory(text);
    assertTextRefused("text: there is none in " + text + "; name a file of text");
  }

  @Test
  void too_little_text_says_how_much_there_is() throws IOException {
    Files.writeString(text, "Call me Ishmael.");
    Cli run = train();
    assertEquals(1, run.code());
    assertTrue(
        run.err().startsWith("gradus: text: there is too little for rows of 16 tokens: "),
        run.err());
    assertFalse(Files.exists(output));
  }

  @Test
  void folders_of_texts_are_learned_as_documents_with_half_the_precision() throws IOException {
    Path texts = Files.createDirectory(folder.resolve("texts"));
    for (String name : List.of("b.txt", "a.txt", ".hidden")) {
      Files.writeString(texts.resolve(name), name.startsWith(".") ? "\0" : GptFiles.text(100));
    }
    Cli run =
        GptFiles.train(
            texts,
            output,
            "--documents",
            "--bf16",
            "--checkpointing",
            "--steps",
            "2",
            "--epochs",
            "0.2");
    assertEquals(2, run.code(), "either");
    run =
        GptFiles.train(
            texts,
            output,
            "--documents",
            "--bf16",
            "--checkpointing",
            "--epochs",
            "0.2",
            "--held-out",
            "0",
            "--json");
    assertEquals("", run.err());
    Map<String, String> start = run.json().get(0);
    assertEquals("2 files", start.get("data"));
    assertEquals("0", start.get("validation_tokens"));
    long tokens = Long.parseLong(start.get("train_tokens"));
    assertEquals(Math.round(0.2 * tokens / 64), Long.parseLong(start.get("steps")));
    assertTrue(Files.exists(output.resolve("model.safetensors")), "saved without a look at others");
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama-tiny", "FILE"})
  void other_configurations_take_the_vocabulary_of_the_tokenizer(String name) throws IOException {
    Path file = folder.resolve("config.json");
    GptConfig.gpt2(99, 8, 16, 1, 2).write(file);
    Cli run =
        Cli.run(
            "train",
            "gpt",
            "--config",
            name.equals("FILE") ? file.toString() : name,
            "--vocabulary",
            "270",
            "--context",
            "8",
            "--batch-size",
            "2",
            "--steps",
            "1",
            "--text",
            text.toString(),
            "--output",
            output.toString(),
            "--json");
    assertEquals("", run.err());
    assertEquals("270", run.json().get(0).get("vocabulary"));
  }

  @Test
  void equal_seeds_give_equal_models() throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (String seed : List.of("7", "7", "8")) {
      assertEquals(0, train("--steps", "2", "--overwrite", "--seed", seed).code());
      all.write(Files.readAllBytes(output.resolve("model.safetensors")));
    }
    byte[] bytes = all.toByteArray();
    int size = bytes.length / 3;
    byte[][] models = new byte[3][];
    for (int i = 0; i < 3; i++) {
      models[i] = java.util.Arrays.copyOfRange(bytes, i * size, (i + 1) * size);
    }
    assertArrayEquals(models[0], models[1]);
    assertFalse(java.util.Arrays.equals(models[0], models[2]));
  }
}
