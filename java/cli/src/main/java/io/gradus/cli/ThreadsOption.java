package io.gradus.cli;

import io.gradus.tensor.Device;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code --threads} of every command that computes. */
final class ThreadsOption {

  private static final String PROPERTY = "gradus.threads";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that share the work of one op. Default: the cores of this process.")
  private Integer threads;

  /**
   * Makes the backend use this many threads. It reads the number once, when it opens, so this comes
   * before all tensors.
   */
  void apply() {
    if (threads == null) {
      return;
    }
    if (threads < 1 || threads > 1024) {
      throw new ParameterException(
          command.commandLine(), "--threads: must lie in 1 to 1024: " + threads);
    }
    String before = System.getProperty(PROPERTY);
    System.setProperty(PROPERTY, threads.toString());
    int actual = Device.cpu().threads();
    if (actual != threads) {
      restore(before);
      throw new IllegalStateException(
          "--threads: this process computes with "
              + actual
              + " already: "
              + threads
              + "; start another process for another number");
    }
  }

  private static void restore(String before) {
    if (before == null) {
      System.clearProperty(PROPERTY);
    } else {
      System.setProperty(PROPERTY, before);
    }
  }
}
