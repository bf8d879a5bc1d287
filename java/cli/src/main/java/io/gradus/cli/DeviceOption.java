package io.gradus.cli;

import io.gradus.tensor.Device;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code --device} of every command that computes. */
final class DeviceOption {

  private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,3}))?");

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "Where to compute: cpu, cuda, cuda:1 for the second GPU, or best, which is cuda where"
              + " gradus info finds it and else cpu. Default: ${DEFAULT-VALUE}.")
  private String name = "best";

  /** Whether it is among the arguments. */
  boolean isGiven() {
    return command.commandLine().getParseResult().hasMatchedOption("--device");
  }

  /** What can be said before anything is opened. */
  void check() {
    if (!name.equals("cpu") && !name.equals("best") && !CUDA.matcher(name).matches()) {
      throw new ParameterException(
          command.commandLine(),
          "--device: there is none of this name: "
              + name
              + "; supported are cpu, cuda, cuda:N and best");
    }
  }

  /**
   * The device, opened.
   *
   * @throws IllegalStateException where there is no such GPU, or what it takes is missing
   */
  Device get() {
    check();
    Matcher cuda = CUDA.matcher(name);
    if (cuda.matches()) {
      return gpu(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
    }
    return name.equals("cpu") ? Device.cpu() : Device.best();
  }

  /** What else can be done is said in the words of the command line. */
  private static Device gpu(int index) {
    try {
      return Device.cuda(index);
    } catch (IllegalStateException e) {
      throw new IllegalStateException(
          e.getMessage().replace("use Device.cpu()", "--device cpu"), e);
    }
  }

  /** A device and how much of it works, for people. */
  static String describe(Device device) {
    return device == Device.cpu()
        ? Text.format("cpu with %d threads", device.threads())
        : device.description();
  }
}
