package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.hub.BpeTrainer;
import io.gradus.model.GptConfig;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateCommandTest {

  @TempDir private static Path trained;
  @TempDir private Path folder;

  @BeforeAll
  static void train() throws IOException {
    Path text = GptFiles.write(trained);
    Cli run =
        GptFiles.train(
            text,
            trained.resolve("gpt"),
            "--steps",
            "40",
            "--learning-rate",
            "0.01",
            "--sample-every",
            "0");
    assertEquals("", run.err());
  }

  private static Cli generate(String... more) {
    List<String> args = new ArrayList<>(List.of("generate", trained.resolve("gpt").toString()));
    args.addAll(List.of(more));
    return Cli.run(args.toArray(new String[0]));
  }

  private static String text(String... more) {
    Cli run = generate(more);
    assertEquals("", run.err());
    assertEquals(0, run.code());
    return run.out();
  }

  @Test
  void the_same_seed_gives_the_same_text_and_another_one_another() {
    String first = text("--prompt", "the whale", "--max-tokens", "12", "--seed", "3");
    assertTrue(first.startsWith("the whale"), first);
    assertEquals(first, text("--prompt", "the whale", "--max-tokens", "12", "--seed", "3"));
    assertNotEquals(first, text("--prompt", "the whale", "--max-tokens", "12", "--seed", "4"));
  }

  @Test
  void streamed_text_is_the_text_of_json() {
    String streamed = text("--prompt", "Ahab", "--greedy");
    Map<String, String> line = generate("--prompt", "Ahab", "--greedy", "--json").json().get(0);
    assertEquals("prompt text seconds", String.join(" ", line.keySet()));
    assertEquals(streamed, "Ahab" + line.get("text") + System.lineSeparator());
  }

  @Test
  void every_way_to_choose_gives_text() {
    for (String options :
        List.of(
            "--temperature 1.3",
            "--temperature 0",
            "--top-k 3",
            "--top-p 0.5",
            "--greedy --repetition-penalty 1.5",
            "--beams 3 --length-penalty 0.5")) {
      List<String> args = new ArrayList<>(List.of("--prompt", "the sea", "--max-tokens", "5"));
      args.addAll(Arrays.asList(options.split(" ")));
      assertTrue(text(args.toArray(new String[0])).length() > 8, options);
    }
    assertEquals(
        text("--prompt", "the sea", "--greedy"), text("--prompt", "the sea", "--temperature", "0"));
  }

  @Test
  void text_ends_before_a_stop_string_wherever_it_begins() {
    String whole = text("--prompt", "the sea", "--greedy").strip().substring("the sea".length());
    for (int from = 1; from + 4 <= whole.length(); from++) {
      String stop = whole.substring(from, from + 4);
      String expected = whole.substring(0, whole.indexOf(stop));
      String line = text("--prompt", "the sea", "--greedy", "--stop", "#", "--stop", stop);
      assertEquals("the sea" + expected + System.lineSeparator(), line, stop);
    }
  }

  @Test
  void prompts_of_a_file_are_answered_one_after_the_other() throws IOException {
    Path file = folder.resolve("prompts.txt");
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 17; i++) {
      lines.append(i % 2 == 0 ? "the whale\n" : "Ahab sees the sea\n");
    }
    Files.writeString(file, lines);
    String[] args = {"--prompt", "a sailor", "--prompts", file.toString(), "--max-tokens", "3"};
    String[] json = Arrays.copyOf(args, args.length + 1);
    json[args.length] = "--json";
    List<Map<String, String>> texts = generate(json).json();
    assertEquals(18, texts.size());
    assertEquals("a sailor", texts.get(0).get("prompt"));
    assertEquals("the whale", texts.get(17).get("prompt"));
    StringBuilder expected = new StringBuilder();
    for (Map<String, String> one : texts) {
      expected.append(one.get("prompt")).append(one.get("text")).append("\n\n");
    }
    assertEquals(expected.toString().strip(), text(args).strip().replace("\r", ""));
  }

  @Test
  void prompts_can_be_piped_in() {
    InputStream in = System.in;
    System.setIn(new ByteArrayInputStream("Ahab\nthe sea".getBytes(StandardCharsets.UTF_8)));
    try {
      List<Map<String, String>> lines =
          generate("--prompts", "-", "--json", "--max-tokens", "1").json();
      assertEquals(List.of("Ahab", "the sea"), lines.stream().map(l -> l.get("prompt")).toList());
    } finally {
      System.setIn(in);
    }
  }

  // What can be wrong

  private Path copy() throws IOException {
    Path copy = Files.createDirectories(folder.resolve("copy"));
    for (String name : List.of("config.json", "tokenizer.json", "model.safetensors")) {
      Files.write(copy.resolve(name), Files.readAllBytes(trained.resolve("gpt").resolve(name)));
    }
    return copy;
  }

  private static void assertFails(Path model, String beginning) {
    Cli run = Cli.run("generate", model.toString(), "--prompt", "the");
    assertEquals(1, run.code());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().startsWith("gradus: " + beginning), run.err());
    assertEquals("", run.out());
  }

  @Test
  void a_prompt_that_fills_the_context_is_refused() {
    Cli run = generate("--prompt", "Ahab hunts the whale. ".repeat(9));
    assertEquals(1, run.code());
    assertTrue(
        run.err().startsWith("gradus: generate: the prompt leaves no room in the context: "),
        run.err());
    assertTrue(run.err().strip().endsWith(" tokens, context 16; shorten it"), run.err());
  }

  @Test
  void an_empty_prompt_begins_a_text_where_the_tokenizer_can_say_so() throws IOException {
    assertFalse(text("--prompt", "", "--greedy", "--max-tokens", "3").isBlank());
    Path copy = copy();
    String words = Files.readString(copy.resolve("tokenizer.json"));
    Files.writeString(copy.resolve("tokenizer.json"), words.replace("<|endoftext|>", "<|none|>"));
    Cli run = Cli.run("generate", copy.toString(), "--prompt", "");
    assertEquals(
        "gradus: generate: the prompt is empty, and the tokenizer has no token to begin a text"
            + " with, such as <|endoftext|>; write a first word",
        run.err().strip());
  }

  @Test
  void a_folder_that_is_missing_says_how_one_is_made() {
    Path none = folder.resolve("none");
    assertFails(
        none,
        "generate: no such folder: " + none + "; gradus train gpt --output " + none + " makes one");
  }

  @Test
  void each_missing_file_is_named() throws IOException {
    for (String name : List.of("config.json", "tokenizer.json", "model.safetensors")) {
      Path copy = copy();
      Files.delete(copy.resolve(name));
      Cli run = Cli.run("generate", copy.toString(), "--prompt", "the");
      assertEquals(1, run.code());
      assertTrue(run.err().contains("no such file: " + copy.resolve(name)), run.err());
    }
  }

  @Test
  void each_broken_file_is_named() throws IOException {
    for (String name : List.of("config.json", "tokenizer.json", "model.safetensors")) {
      Path copy = copy();
      byte[] bytes = Files.readAllBytes(copy.resolve(name));
      Files.write(copy.resolve(name), Arrays.copyOf(bytes, bytes.length / 2));
      Cli run = Cli.run("generate", copy.toString(), "--prompt", "the");
      assertEquals(1, run.code());
      assertTrue(run.err().contains(copy.resolve(name).toString()), run.err());
      assertEquals(1, run.err().lines().count(), run.err());
    }
  }

  @Test
  void a_model_of_another_shape_is_refused() throws IOException {
    Path copy = copy();
    GptConfig config = GptConfig.read(copy.resolve("config.json"));
    config.with("hidden", 64).write(copy.resolve("config.json"));
    assertFails(copy, "safetensors: ");
  }

  @Test
  void the_tokenizer_of_another_model_is_refused() throws IOException {
    Path copy = copy();
    new BpeTrainer(290, "<|endoftext|>")
        .add(GptFiles.text(400))
        .train()
        .save(copy.resolve("tokenizer.json"));
    assertFails(
        copy,
        "generate: the tokenizer is not the model's: vocabularies of 290 and 280 tokens; use the"
            + " tokenizer that the model was trained with");
  }

  @Test
  void a_run_without_a_model_yet_says_how_to_go_on() throws IOException {
    Path copy = copy();
    Files.move(copy.resolve("model.safetensors"), copy.resolve("last.safetensors"));
    assertFails(copy, "generate: there is no " + copy.resolve("model.safetensors") + " yet: ");
  }
}
