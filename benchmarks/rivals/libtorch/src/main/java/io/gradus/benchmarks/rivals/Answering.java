package io.gradus.benchmarks.rivals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** An engine in a JVM of its own that answers with a number to each line, until it is closed. */
final class Answering implements AutoCloseable {
  // The threads of MKL and of OpenMP spin for 200 ms after their last product, and would disturb
  // the other engines.
  private static final long PAUSE_MS = 250;

  private final String name;
  private final Process process;
  private final PrintWriter questions;
  private final BufferedReader answers;

  Answering(String threads, Class<?> program, String... arguments) throws IOException {
    name = program.getSimpleName() + " " + String.join(" ", arguments);
    var command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dgradus.threads=" + threads,
                "-cp",
                System.getProperty("java.class.path"),
                program.getName()));
    command.addAll(List.of(arguments));
    var builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    for (String library : List.of("OMP", "MKL", "OPENBLAS")) {
      builder.environment().put(library + "_NUM_THREADS", threads);
    }
    process = builder.start();
    questions = new PrintWriter(process.getOutputStream(), true);
    answers = new BufferedReader(new InputStreamReader(process.getInputStream()));
  }

  double ask(String question) throws IOException, InterruptedException {
    questions.println(question);
    String answer = answers.readLine();
    if (answer == null) {
      throw new IOException("kernels: %s failed at %s".formatted(name, question));
    }
    Thread.sleep(PAUSE_MS);
    return Double.parseDouble(answer);
  }

  @Override
  public void close() {
    process.destroy();
  }
}
