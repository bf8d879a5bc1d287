package io.gradus.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code gradus train}: the networks that can be trained. */
@Command(
    name = "train",
    description =
        "Trains a network from the start: a language model, one that classifies images or texts, or"
            + " one that makes images.")
final class TrainCommand implements Runnable {

  @Spec private CommandSpec spec;

  /** Called where no network is named. */
  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "train: no network is given; name gpt, mlp, cnn, rnn, vae or vit");
  }
}
