package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code gradus eval} of a language model. */
class EvalTextTest {

  @TempDir private Path folder;
  private Path text;
  private Path output;

  @BeforeEach
  void writeText() throws IOException {
    text = GptFiles.write(folder);
    output = folder.resolve("gpt");
  }

  private Map<String, String> train(String... more) {
    Cli run = GptFiles.train(text, output, more);
    assertEquals("", run.err());
    return run.json().get(run.json().size() - 1);
  }

  private Cli eval(String... more) {
    String[] all = new String[more.length + 2];
    all[0] = "eval";
    all[1] = output.toString();
    System.arraycopy(more, 0, all, 2, more.length);
    return Cli.run(all);
  }

  private Map<String, String> json(String... more) {
    String[] all = java.util.Arrays.copyOf(more, more.length + 1);
    all[more.length] = "--json";
    Cli run = eval(all);
    assertEquals("", run.err());
    assertEquals(0, run.code());
    return run.json().get(0);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--steps=20",
        "--steps=20 --bf16",
        "--steps=20 --documents",
        "--steps=20 --ema=0.9"
      })
  void the_held_out_text_has_the_figures_that_training_found(String options) {
    String[] all = (options + " --learning-rate=0.02 --json").split(" ");
    Map<String, String> end = train(all);
    Map<String, String> eval = json();
    assertEquals(end.get("validation_loss"), eval.get("loss"));
    assertEquals(end.get("perplexity"), eval.get("perplexity"));
    assertEquals(end.get("bits_per_byte"), eval.get("bits_per_byte"));
    assertEquals("gpt", eval.get("network"));
    assertTrue(Integer.parseInt(eval.get("count")) > 100, eval.toString());
    String line = eval().out().strip();
    assertTrue(
        line.matches(
            ".*text\\.txt, held out: [0-9,]+ tokens, loss [0-9.]+, perplexity [0-9.]+, [0-9.]+ bits"
                + " per byte"),
        line);
  }

  @Test
  void other_text_may_be_a_file_a_folder_or_ids() throws IOException {
    train("--steps", "20", "--learning-rate", "0.02", "--json");
    Path other = Files.createDirectory(folder.resolve("other"));
    Files.writeString(other.resolve("a.txt"), GptFiles.text(30));
    Map<String, String> file = json("--data", other.resolve("a.txt").toString());
    assertEquals(file.get("loss"), json("--data", other.toString()).get("loss"));
    assertEquals(
        Math.exp(Double.parseDouble(file.get("loss"))),
        Double.parseDouble(file.get("perplexity")),
        1e-3);

    Path ids = folder.resolve("ids");
    String tokenizer = output.resolve("tokenizer.json").toString();
    Cli encoded =
        Cli.run(
            "tokenizer",
            "encode",
            tokenizer,
            "--file",
            other.resolve("a.txt").toString(),
            "--output",
            ids.toString());
    assertEquals("", encoded.err());
    // Without the token that ends a text, which may or may not fill another row.
    assertEquals(
        Double.parseDouble(file.get("loss")),
        Double.parseDouble(json("--data", ids.toString()).get("loss")),
        0.2);
    // What a model from elsewhere lacks: the settings of a run.
    Files.delete(output.resolve("run.json"));
    assertTrue(Double.parseDouble(json("--data", ids.toString()).get("loss")) > 0);
    assertEquals(
        "gradus: eval: there is no held-out text in " + output + "; name some with --data",
        eval().err().strip());
  }

  @Test
  void text_that_cannot_be_is_refused() throws IOException {
    train("--steps", "2", "--documents", "--json");
    Path ends = Files.writeString(folder.resolve("ends.txt"), "<|endoftext|>".repeat(50));
    assertEquals(
        "gradus: eval: no token follows another one within a text of " + ends + "; name other text",
        eval("--data", ends.toString()).err().strip());
    Path little = Files.writeString(folder.resolve("little.txt"), "a");
    String error = eval("--data", little.toString()).err();
    assertTrue(error.startsWith("gradus: batches: a row of 16 tokens"), error);
    Path missing = folder.resolve("missing.txt");
    assertEquals(1, eval("--data", missing.toString()).code());
    Path other = folder.resolve("other.txt");
    Files.writeString(other, "zebra ".repeat(200));
    Path tokenizer = folder.resolve("other.json");
    Cli made =
        Cli.run(
            "tokenizer",
            "train",
            other.toString(),
            "--vocabulary",
            "262",
            "--output",
            tokenizer.toString());
    assertEquals("", made.err());
    Path ids = folder.resolve("ids");
    Cli encoded =
        Cli.run(
            "tokenizer",
            "encode",
            tokenizer.toString(),
            "--file",
            other.toString(),
            "--output",
            ids.toString());
    assertEquals("", encoded.err());
    error = eval("--data", ids.toString()).err();
    assertTrue(error.startsWith("gradus: eval: the ids are of another tokenizer"), error);
    Files.write(ids, java.util.Arrays.copyOf(Files.readAllBytes(ids), 40));
    assertEquals(1, eval("--data", ids.toString()).code());
  }
}
