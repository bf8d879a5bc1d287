package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.Tokens;
import io.gradus.hub.Tokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerCommandTest {

  private static final String TEXT = "Ahab hunts the whale — naïvely. <|endoftext|>";

  @TempDir private Path folder;
  private Path text;
  private String tokenizer;

  @BeforeEach
  void train() throws IOException {
    text = GptFiles.write(folder);
    tokenizer = folder.resolve("tokenizer.json").toString();
    Cli run =
        Cli.run(
            "tokenizer", "train", "--vocabulary", "280", "--output", tokenizer, text.toString());
    assertEquals("", run.err());
    assertTrue(run.out().startsWith("280 tokens learned from "), run.out());
  }

  private static Cli run(String input, String... args) {
    InputStream in = System.in;
    System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
    try {
      return Cli.run(args);
    } finally {
      System.setIn(in);
    }
  }

  private String ids() throws IOException {
    int[] ids = Tokenizer.load(Path.of(tokenizer)).encode(TEXT);
    return Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" "));
  }

  @Test
  void text_is_encoded_from_the_command_a_pipe_and_a_file() throws IOException {
    Files.writeString(text, TEXT);
    String file = text.toString();
    assertEquals(ids(), Cli.run("tokenizer", "encode", tokenizer, TEXT).out().strip());
    assertEquals(ids(), run(TEXT, "tokenizer", "encode", tokenizer).out().strip());
    assertEquals(ids(), Cli.run("tokenizer", "encode", tokenizer, "--file", file).out().strip());
  }

  @Test
  void ids_are_decoded_from_the_command_and_a_pipe() throws IOException {
    assertEquals(TEXT, run(ids(), "tokenizer", "decode", tokenizer).out().strip());
    assertEquals(TEXT, Cli.run("tokenizer", "decode", tokenizer, ids()).out().strip());
    assertEquals(
        TEXT.replace("<|endoftext|>", "").strip(),
        run(ids(), "tokenizer", "decode", tokenizer, "--skip-special").out().strip());
  }

  @Test
  void json_has_ids_tokens_and_text() throws IOException {
    Map<String, String> line =
        Cli.run("tokenizer", "encode", tokenizer, "Ahab", "--json").json().get(0);
    assertEquals("ids tokens count", String.join(" ", line.keySet()));
    Map<String, String> decoded =
        run(ids(), "tokenizer", "decode", tokenizer, "--json").json().get(0);
    assertEquals(Map.of("text", TEXT), decoded);
    String again = folder.resolve("again.json").toString();
    Map<String, String> learned =
        Cli.run(
                "tokenizer",
                "train",
                "--json",
                "--vocabulary",
                "270",
                "--output",
                again,
                text.toString())
            .json()
            .get(0);
    assertEquals("270", learned.get("tokens"));
    assertEquals(Long.toString(Files.size(text)), learned.get("bytes"));
  }

  @Test
  void ids_go_into_a_file_for_training() throws IOException {
    Path output = folder.resolve("text.tokens");
    Cli run =
        Cli.run(
            "tokenizer",
            "encode",
            tokenizer,
            "--file",
            text.toString(),
            "--output",
            output.toString());
    assertEquals("", run.err());
    Tokens tokens = Tokens.open(output);
    assertEquals(280, tokens.vocabulary());
    assertArrayEquals(
        Tokenizer.load(Path.of(tokenizer)).encode(Files.readString(text)),
        tokens.read(0, (int) tokens.size()));
  }

  private static void assertFails(int code, String beginning, Cli run) {
    assertEquals(code, run.code());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().startsWith("gradus: " + beginning), run.err());
  }

  @Test
  void bad_input_is_one_sentence() throws IOException {
    assertFails(2, "decode: not a token id: x", Cli.run("tokenizer", "decode", tokenizer, "x"));
    assertFails(
        1,
        "tokenizer: no token has this id: 99999",
        Cli.run("tokenizer", "decode", tokenizer, "99999"));
    assertFails(
        2,
        "--file: cannot be given together with a text: f",
        Cli.run("tokenizer", "encode", tokenizer, "a", "--file", "f"));
    String broken = Files.writeString(folder.resolve("broken.json"), "{").toString();
    assertFails(
        1, "tokenizer: cannot be read: " + broken, Cli.run("tokenizer", "encode", broken, "a"));
    Path none = folder.resolve("none");
    assertFails(
        1,
        "text: no such file: " + none,
        Cli.run("tokenizer", "train", "--output", tokenizer, none.toString()));
    Path binary = Files.write(folder.resolve("binary"), new byte[] {1, 0, 2});
    assertFails(
        1,
        "tokenizer: not a text file: " + binary,
        Cli.run("tokenizer", "train", "--output", tokenizer, binary.toString()));
    assertFails(
        1,
        "tokenizer: not a text file: " + binary,
        Cli.run(
            "tokenizer",
            "encode",
            tokenizer,
            "--file",
            binary.toString(),
            "--output",
            folder.resolve("out").toString()));
  }
}
