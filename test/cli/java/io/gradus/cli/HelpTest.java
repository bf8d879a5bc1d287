package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

class HelpTest {

  @Test
  void the_first_help_names_every_command_and_exit_code() {
    Cli help = Cli.run("--help");
    assertEquals(0, help.code());
    for (String part :
        List.of(
            "train",
            "resume",
            "eval",
            "predict",
            "find-lr",
            "generate",
            "tokenizer",
            "info",
            "bench",
            "profile",
            "plot",
            "--stacktrace",
            "--version")) {
      assertTrue(help.out().contains(part), part);
    }
    assertTrue(help.out().matches("(?s).*0 +success.*1 +a failure.*2 +wrong usage.*"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "train gpt",
        "train mlp",
        "train cnn",
        "train rnn",
        "train vae",
        "train vit",
        "resume",
        "eval",
        "predict",
        "find-lr mlp",
        "find-lr rnn",
        "generate",
        "tokenizer train",
        "tokenizer encode",
        "tokenizer decode",
        "info",
        "bench",
        "profile",
        "plot"
      })
  void the_help_of_a_command_lists_and_describes_every_option(String command) {
    Cli help = Cli.run((command + " --help").split(" "));
    assertEquals(0, help.code());
    assertEquals("", help.err());
    CommandLine line = Main.commandLine();
    for (String name : command.split(" ")) {
      line = line.getSubcommands().get(name);
    }
    var options = line.getCommandSpec().options();
    assertTrue(options.size() >= 5);
    assertAll(
        options.stream()
            .map(OptionSpec::longestName)
            .map(
                name ->
                    () ->
                        assertTrue(
                            help.out().matches("(?s).*" + name + "\\b\\S*\\s+[A-Z].*"), name)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mlp", "cnn", "rnn", "vae", "vit"})
  void every_option_of_a_network_shows_its_default(String network) {
    String help = Cli.run("train", network, "--help").out().replaceAll("\\s+", " ");
    for (OptionSpec option : TrainNetworkCommand.line(network).getCommandSpec().options()) {
      String name = option.longestName();
      int at = help.indexOf(name + (option.arity().max() > 0 ? "=" : " "));
      assertTrue(at > 0, name);
      int next = help.indexOf(" --", at + 2);
      String text = next < 0 ? help.substring(at) : help.substring(at, next);
      assertTrue(text.contains("Default: ") || help.substring(at).startsWith("--best"), text);
      assertFalse(text.contains("${"), text);
    }
  }

  @Test
  void options_that_have_defaults_show_them() {
    String help = Cli.run("train", "mlp", "--help").out().replaceAll("\\s+", " ");
    for (String option :
        List.of(
            "--hidden",
            "--dropout",
            "--epochs",
            "--batch-size",
            "--optimizer",
            "--learning-rate",
            "--weight-decay",
            "--seed",
            "--threads",
            "--output")) {
      String rest = help.substring(help.indexOf(option + "="));
      int next = rest.indexOf(" --", 2);
      String text = next < 0 ? rest : rest.substring(0, next);
      assertTrue(text.contains("Default: "), text);
    }
  }

  @Test
  void every_workload_is_in_the_help_of_bench() {
    String help = Cli.run("bench", "--help").out();
    for (String name : Workloads.names()) {
      assertTrue(help.contains(name), name);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "train", "generate", "tokenizer", "info", "bench"})
  void every_command_knows_the_version(String command) {
    Cli version = command.isEmpty() ? Cli.run("--version") : Cli.run(command, "--version");
    assertEquals(0, version.code());
    assertEquals("gradus " + Main.Version.number(), version.out().strip());
  }
}
