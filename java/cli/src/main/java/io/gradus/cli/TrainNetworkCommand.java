package io.gradus.cli;

import io.gradus.data.JsonTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code gradus train} of a network of images or texts: trains it, tests it, and leaves a folder
 * with all that belongs to it.
 */
@Command
final class TrainNetworkCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private NetworkOptions options;

  @Mixin private DeviceOption device;

  @Mixin private ThreadsOption threads;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description = "The folder of the run. Default: ${bundle:default.output}.")
  private Path output;

  @Option(
      names = "--overwrite",
      description = "Take the place of a run that is in the folder. Default: refuse to.")
  private boolean overwrite;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Options from a JSON object, or from properties where the name ends so, under their long"
              + " names without dashes; those given here win. Default: none.")
  private Path config; // read before the arguments are parsed: see ConfigArguments

  @Option(
      names = "--json",
      description =
          "Write JSON lines, whose event is start, step (ten an epoch), epoch, test, saved or"
              + " stopped. Default: a bar in a terminal, else a line an epoch.")
  private boolean json;

  TrainNetworkCommand(NetworkOptions options) {
    this.options = options;
  }

  /** The command of a network. */
  static CommandLine line(String kind) {
    NetworkOptions options = NetworkOptions.of(kind);
    CommandLine line = new CommandLine(new TrainNetworkCommand(options));
    line.setResourceBundle(options.defaults());
    return line;
  }

  NetworkOptions options() {
    return options;
  }

  DeviceOption device() {
    return device;
  }

  @Override
  public Integer call() throws IOException {
    options.check(spec);
    RunFolder folder = folder();
    device.check();
    threads.apply();
    options.complete();
    // The folder may be moved, and threads change no bit.
    JsonTree values = OptionValues.of(spec, Set.of("output", "threads"));
    values.put("network", options.kind());
    try (Report report = Report.standard(json)) {
      NetworkRun.start(folder, options, values, device.get(), report).run();
    } catch (IllegalArgumentException e) {
      throw usage(e);
    }
    return 0;
  }

  /** What the sizes of a network refuse is wrong usage, for they are options. */
  private RuntimeException usage(IllegalArgumentException e) {
    String message = e.getMessage() == null ? "" : e.getMessage();
    return message.startsWith(options.kind() + ": ")
        ? new ParameterException(spec.commandLine(), message, e)
        : e;
  }

  /** Where the run goes, if it can: better to learn that it cannot before the training. */
  private RunFolder folder() throws IOException {
    RunFolder folder = new RunFolder(output != null ? output : Path.of(options.kind()));
    Path path = folder.path();
    if (Files.exists(path) && !Files.isDirectory(path)) {
      throw new IOException("--output: not a folder: " + path);
    }
    Path parent = path.toAbsolutePath().getParent();
    Path place = Files.exists(path) ? path : parent;
    if (!Files.isDirectory(place)) {
      throw new IOException("--output: no such directory: " + place);
    }
    if (!Files.isWritable(place)) {
      throw new IOException("--output: no permission to write in " + place);
    }
    if (!overwrite && !folder.isEmpty()) {
      throw new IOException(
          "--output: the folder is not empty: "
              + path
              + "; go on with gradus resume, take the run's place with --overwrite, or name another"
              + " folder");
    }
    return folder;
  }
}
