package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The README's Java is compiled and run as it stands there. */
class ReadmeTest {

  private static final Path README = Path.of("../../README.md");

  @TempDir Path folder;

  @Test
  void the_example_compiles_and_trains() throws Exception {
    List<String> examples = blocks("java");
    Files.writeString(folder.resolve("book.txt"), book());
    IdxFiles.write(Files.createDirectory(folder.resolve("fashion-mnist")), 28, 28, 10);
    assertFalse(examples.isEmpty(), "the README shows Java");
    for (String example : examples) {
      Path classes = compile(example);
      try (URLClassLoader loader = new URLClassLoader(new URL[] {classes.toUri().toURL()})) {
        loader.loadClass("Example").getMethod("main", String[].class).invoke(null, (Object) null);
      }
    }
    assertTrue(Files.size(folder.resolve("model.safetensors")) > 0, "an example saved its model");
  }

  @Test
  void the_readme_fits_in_200_lines() throws Exception {
    assertTrue(Files.readAllLines(README).size() < 200);
  }

  /** A part of Moby-Dick, for an example that is about a book. */
  private static String book() throws Exception {
    try (var in =
        new GZIPInputStream(
            ReadmeTest.class.getResourceAsStream("/io/gradus/cli/moby-dick.txt.gz"))) {
      return new String(in.readNBytes(100_000), StandardCharsets.US_ASCII);
    }
  }

  /** Commands that the README shows, and their options, are known to the command line. */
  @Test
  void the_commands_exist() throws Exception {
    List<String> lines =
        Files.readAllLines(README).stream().filter(line -> line.startsWith("./gradus ")).toList();
    assertFalse(lines.isEmpty(), "the README shows commands");
    for (String line : lines) {
      String[] words = line.replaceAll("\\s+#.*", "").replaceAll("\"[^\"]*\"", "text").split(" ");
      CommandLine command = Main.commandLine();
      int i = 1;
      while (i < words.length && command.getSubcommands().containsKey(words[i])) {
        command = command.getSubcommands().get(words[i++]);
      }
      for (; i < words.length; i++) {
        if (words[i].startsWith("--") && !words[i].equals("--help")) {
          assertNotNull(command.getCommandSpec().findOption(words[i]), line + ": " + words[i]);
        }
      }
    }
  }

  private static List<String> blocks(String language) throws Exception {
    Pattern block = Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL);
    return block.matcher(Files.readString(README)).results().map(found -> found.group(1)).toList();
  }

  /** Statements go into a main method; files go into the test's own folder. An IDE adds imports. */
  private Path compile(String example) throws Exception {
    String imports =
        Stream.of("data", "hub", "metric", "model", "op", "optim", "tensor", "train", "autograd")
            .map(name -> "import io.gradus." + name + ".*;\n")
            .collect(Collectors.joining("", "", "import java.nio.file.*;\n"));
    String here =
        example.replaceAll("Path\\.of\\(\"", Matcher.quoteReplacement("Path.of(\"" + folder + "/"));
    Path source = folder.resolve("Example.java");
    Files.writeString(
        source,
        imports
            + "public class Example {\n public static void main(String[] args) throws Exception {\n"
            + here
            + "}}\n");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter messages = new StringWriter();
    try (var files = compiler.getStandardFileManager(null, null, null)) {
      boolean compiled =
          compiler
              .getTask(
                  messages,
                  files,
                  null,
                  List.of("-d", folder.toString(), "-cp", System.getProperty("java.class.path")),
                  null,
                  files.getJavaFileObjects(source))
              .call();
      assertEquals("", compiled ? "" : messages.toString());
    }
    return folder;
  }
}
