package io.gradus;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs a program in a virtual machine of its own, for what system properties decide at the start.
 */
public final class ChildJvm {

  private ChildJvm() {}

  /**
   * @param options for the virtual machine, such as {@code -Dgradus.threads=2}
   * @return what the program wrote, to either stream
   */
  public static String run(Class<?> program, String... options) throws Exception {
    List<String> all = new ArrayList<>();
    for (String property : List.of("gradus.cpu", "gradus.cuda.library", "gradus.cuda.blocking")) {
      if (System.getProperty(property) != null) {
        all.add("-D" + property + "=" + System.getProperty(property));
      }
    }
    all.addAll(List.of(options));
    return runBare(program, all.toArray(String[]::new));
  }

  /** The same without the properties of this virtual machine. */
  public static String runBare(Class<?> program, String... options) throws Exception {
    Process process = start(program, options);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  /** Starts a program without waiting for it; both of its streams are one. */
  public static Process start(Class<?> program, String[] options, String... arguments)
      throws IOException {
    List<String> command = command(program, options, arguments);
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  /** The command that runs a program. */
  public static List<String> command(Class<?> program, String[] options, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx256m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"));
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    command.addAll(List.of(arguments));
    return command;
  }
}
