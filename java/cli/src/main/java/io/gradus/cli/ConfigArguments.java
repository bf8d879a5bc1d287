package io.gradus.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** Puts the options of {@code --config FILE} before the arguments that are given. */
final class ConfigArguments {

  private static final String OPTION = "--config";

  private String file = ""; // as it was named; empty without one
  private final Set<String> fromFile = new HashSet<>();

  /** The arguments with those of the file that they do not give themselves. */
  String[] expand(CommandLine main, String... args) throws IOException {
    CommandLine command = main;
    int depth = 0;
    while (depth < args.length && command.getSubcommands().containsKey(args[depth])) {
      command = command.getSubcommands().get(args[depth++]);
    }
    // Of the language model, the name of a configuration is meant.
    OptionSpec option = command.getCommandSpec().findOption(OPTION);
    if (option == null || !option.type().equals(Path.class)) {
      return args;
    }
    String named = named(depth, args);
    if (named == null) {
      return args;
    }
    file = named;
    Map<String, String> values = OptionValues.read(OPTION, Path.of(named));
    // The run.json of a folder can be used as well.
    String kind = values.remove("network");
    if (kind != null && !kind.equals(command.getCommandName())) {
      throw new IOException(
          OPTION + ": it is of another network: " + kind + " in " + named + "; name that one");
    }
    List<String> expanded = new ArrayList<>(List.of(args).subList(0, depth));
    for (String argument :
        OptionValues.arguments(OPTION, Path.of(named), values, command.getCommandSpec())) {
      String name = argument.split("=", 2)[0];
      if (!isGiven(name, depth, args)) {
        fromFile.add(name);
        expanded.add(argument);
      }
    }
    expanded.addAll(List.of(args).subList(depth, args.length));
    return expanded.toArray(new String[0]);
  }

  private static String named(int from, String... args) {
    for (int i = from; i < args.length; i++) {
      if (args[i].startsWith(OPTION + "=")) {
        return args[i].substring(OPTION.length() + 1);
      }
      if (args[i].equals(OPTION) && i + 1 < args.length) {
        return args[i + 1];
      }
    }
    return null;
  }

  private static boolean isGiven(String name, int from, String... args) {
    for (int i = from; i < args.length; i++) {
      if (args[i].equals(name) || args[i].startsWith(name + "=")) {
        return true;
      }
    }
    return false;
  }

  /** The file, where what is wrong stands in it. */
  String blame(ParameterException e) {
    ArgSpec argument = e.getArgSpec();
    boolean here = argument instanceof OptionSpec option && fromFile.contains(option.longestName());
    return here ? OPTION + ": " + file + ": " : "";
  }
}
