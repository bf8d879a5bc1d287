package io.gradus.cli;

import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Refuses options that cannot be meant. */
final class Usage {

  private Usage() {}

  static void check(CommandSpec command, boolean right, String option, String rule, Object value) {
    if (!right) {
      throw new ParameterException(
          command.commandLine(),
          option + ": " + rule + ": " + value,
          command.findOption(option),
          String.valueOf(value));
    }
  }

  /** Refuses a size that is given and not positive. */
  static void checkSize(CommandSpec command, String option, Integer size) {
    check(command, size == null || size >= 1, option, "must be 1 or more", size);
  }

  /** Refuses sizes that are given and not all positive. */
  static void checkSizes(CommandSpec command, String option, List<Integer> sizes) {
    boolean right = sizes == null || sizes.stream().allMatch(size -> size >= 1);
    check(command, right, option, "must be 1 or more", sizes);
  }

  /** Refuses a probability that would leave nothing. */
  static void checkDropout(CommandSpec command, Double p) {
    check(
        command,
        p == null || p >= 0 && p < 1,
        "--dropout",
        "must be at least 0 and less than 1",
        p);
  }
}
