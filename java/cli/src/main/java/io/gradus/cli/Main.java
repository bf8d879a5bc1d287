package io.gradus.cli;

import java.io.IOException;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command line: {@code gradus train}, {@code gradus generate} and the other commands. */
@Command(
    name = "gradus",
    scope = ScopeType.INHERIT,
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false,
    usageHelpWidth = 100,
    abbreviateSynopsis = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:success", "1:a failure, in one sentence on stderr", "2:wrong usage"})
public final class Main implements Runnable {

  /** Reads the version that the jar was built with. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"gradus " + number()};
    }

    static String number() {
      String version = Main.class.getPackage().getImplementationVersion();
      return version == null ? "(not packaged)" : version;
    }
  }

  @Spec private CommandSpec spec;

  private final ConfigArguments config = new ConfigArguments();

  @Option(
      names = "--stacktrace",
      scope = ScopeType.INHERIT,
      description = "Show the stack trace of a failure.")
  private boolean stacktrace;

  /** Runs a command and ends the process with its exit code. */
  public static void main(String... args) {
    int code = run(args);
    if (code != 0) {
      System.exit(code);
    }
  }

  /** Runs a command: 0 is success, 1 a failure, 2 wrong usage. */
  static int run(String... args) {
    CommandLine line = commandLine();
    try {
      return line.execute(line.<Main>getCommand().config.expand(line, args));
    } catch (IOException | Error e) { // of a file of options, or which picocli passes on
      return line.<Main>getCommand().fail(line, e);
    }
  }

  static CommandLine commandLine() {
    Main main = new Main();
    CommandLine line =
        new CommandLine(main)
            .addSubcommand(train())
            .addSubcommand(new ResumeCommand())
            .addSubcommand(new EvalCommand())
            .addSubcommand(new PredictCommand())
            .addSubcommand(FindRateCommand.line())
            .addSubcommand(new GenerateCommand())
            .addSubcommand(new TokenizerCommand())
            .addSubcommand(new InfoCommand())
            .addSubcommand(new BenchCommand())
            .addSubcommand(new ProfileCommand())
            .addSubcommand(new PlotCommand())
            .setParameterExceptionHandler((e, rejected) -> main.reject(e))
            .setExecutionExceptionHandler((e, command, parsed) -> main.fail(command, e));
    // Not in the annotation, from which the subcommands inherit.
    line.getCommandSpec()
        .usageMessage()
        .description("Trains neural networks from plain Java on native kernels.");
    return line;
  }

  private static CommandLine train() {
    CommandLine train = new CommandLine(new TrainCommand()).addSubcommand(new TrainGptCommand());
    NetworkOptions.KINDS.forEach(kind -> train.addSubcommand(kind, TrainNetworkCommand.line(kind)));
    return train;
  }

  /** Called where no command is named. */
  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "gradus: no command is given; name train, resume, eval, predict, find-lr,"
            + " generate, tokenizer, info, bench, profile or plot");
  }

  private int reject(ParameterException e) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    print(
        err,
        config.blame(e)
            + e.getMessage()
            + "; see "
            + command.getCommandSpec().qualifiedName()
            + " --help");
    return CommandLine.ExitCode.USAGE;
  }

  private int fail(CommandLine command, Throwable e) {
    if (!(e instanceof Output.Closed closed && closed.byReader())) {
      PrintWriter err = command.getErr();
      print(err, sentence(e));
      if (stacktrace) {
        e.printStackTrace(err);
      }
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  /** What went wrong in the words of the exception that knows, whatever carried it here. */
  static String sentence(Throwable e) {
    Throwable origin = e;
    while ((origin instanceof ExceptionInInitializerError
            || origin instanceof java.io.UncheckedIOException)
        && origin.getCause() != null) {
      origin = origin.getCause();
    }
    String message = origin.getMessage();
    if (message == null || message.isBlank()) {
      return origin.getClass().getSimpleName();
    }
    // Messages of the system, such as those about files, are but a name without their class.
    return origin instanceof java.nio.file.FileSystemException
        ? message + ": " + origin.getClass().getSimpleName()
        : message;
  }

  private static void print(PrintWriter err, String message) {
    String line = message.replaceAll("\\s*\\R\\s*", " ");
    err.println(line.startsWith("gradus: ") ? line : "gradus: " + line);
    err.flush();
  }
}
