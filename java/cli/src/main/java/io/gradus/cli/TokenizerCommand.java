package io.gradus.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code gradus tokenizer}: learns a tokenizer and uses it. */
@Command(
    name = "tokenizer",
    description = "Learns a tokenizer from text, and turns text into token ids and back.",
    subcommands = {
      TokenizerTrainCommand.class,
      TokenizerEncodeCommand.class,
      TokenizerDecodeCommand.class
    })
final class TokenizerCommand implements Runnable {

  @Spec private CommandSpec spec;

  /** Called where it is not said what to do. */
  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "tokenizer: no task is given; name train, encode or decode");
  }
}
