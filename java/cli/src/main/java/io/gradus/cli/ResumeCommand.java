package io.gradus.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code gradus resume}: goes on with a training that was stopped. */
@Command(
    name = "resume",
    description = {
      "Goes on with a training from its newest checkpoint, with the options that it began with: the"
          + " weights become those of a run that was never stopped, bit for bit.",
      "Those of a language model go on with gradus train gpt --resume."
    })
final class ResumeCommand implements Callable<Integer> {

  @Parameters(paramLabel = "DIR", description = "The folder of the run.")
  private Path path;

  @Mixin private DeviceOption device;

  @Mixin private ThreadsOption threads;

  @Option(
      names = "--json",
      description =
          "Write JSON lines, as gradus train does. Default: a bar in a terminal, else a line an"
              + " epoch.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    device.check();
    threads.apply();
    RunFolder folder = new RunFolder(path);
    folder.checkRun("resume");
    if (folder.hasModel()) {
      throw new IllegalStateException(
          "resume: there is nothing left to do: the training in "
              + path
              + " has ended; gradus train --overwrite begins another one");
    }
    TrainNetworkCommand command = folder.command();
    command.options().complete();
    DeviceOption where = device.isGiven() ? device : command.device();
    try (Report report = Report.standard(json)) {
      NetworkRun.resume(folder, command.options(), where.get(), report).run();
    }
    return 0;
  }
}
