package io.gradus.cli;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Refuses options that cannot be meant. */
final class Usage {

  private Usage() {}

  static void check(CommandSpec command, boolean right, String option, String rule, Object value) {
    if (!right) {
      throw new ParameterException(command.commandLine(), option + ": " + rule + ": " + value);
    }
  }
}
