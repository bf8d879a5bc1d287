package io.gradus.benchmarks.rivals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The calls that {@link CompareKernels} times, and how an engine answers: it reads their names from
 * its input, one a line, and writes the median time of each in ms.
 */
final class KernelTimes {
  private static final String BACKWARD = " forward and backward";
  private static final String ADAMW = "adamw 1x124439808";
  private static final List<String> ALL =
      List.of(
          "attention 1x12x1024x64 forward",
          "attention 1x12x1024x64" + BACKWARD,
          "attention 4x12x256x64 forward",
          "attention 4x12x256x64" + BACKWARD,
          "crossEntropy 1024x50257" + BACKWARD,
          "layerNorm 4096x768 forward",
          "layerNorm 4096x768" + BACKWARD,
          "gelu 4096x3072 forward",
          "gelu 4096x3072" + BACKWARD,
          "softmax 12288x256 forward",
          "softmax 12288x256" + BACKWARD,
          // time, batch, input and state
          "lstm 64x32x128x256 forward",
          "lstm 64x32x128x256" + BACKWARD,
          "gru 64x32x128x256 forward",
          "gru 64x32x128x256" + BACKWARD,
          ADAMW);

  /** The bound of the weights of recurrent layers with a state of 256: 1 / √256. */
  static final float WEIGHTS = 0.0625f;

  private static final double ADAMW_BYTES = 6e9; // one engine's, while the other one keeps some

  private static final double SECONDS = 0.6;
  private static final int WARM_UP = 3;
  private static final int FEWEST = 5;

  /** What to time; {@code prepare} restores what {@code run} uses up, and is not timed. */
  record Kernel(Runnable prepare, Runnable run) {
    Kernel(Runnable run) {
      this(() -> {}, run);
    }
  }

  /** An op on a shape, such as rows x columns. */
  record Call(String op, int[] shape, boolean backward) {
    static Call parse(String name) {
      String[] words = name.split(" ");
      int[] shape = Arrays.stream(words[1].split("x")).mapToInt(Integer::parseInt).toArray();
      return new Call(words[0], shape, name.endsWith(BACKWARD));
    }

    int size() {
      return IntStream.of(shape).reduce(1, Math::multiplyExact);
    }
  }

  /** The names of all calls that fit into so much free memory. */
  static List<String> names(double freeBytes) {
    return Stream.concat(ALL.stream(), Convolutions.names())
        .filter(name -> !name.equals(ADAMW) || freeBytes >= ADAMW_BYTES)
        .toList();
  }

  /** Answers what the input asks, until it ends. */
  static void serve(ToDoubleFunction<String> engine) throws IOException {
    var input = new BufferedReader(new InputStreamReader(System.in));
    for (String question = input.readLine(); question != null; question = input.readLine()) {
      System.out.printf(Locale.ROOT, "%.4f%n", engine.applyAsDouble(question));
    }
  }

  /** In ms. */
  static double median(Kernel kernel) {
    for (int i = 0; i < WARM_UP; i++) {
      time(kernel);
    }
    double[] times = new double[FEWEST];
    int n = 0;
    for (double sum = 0; sum < SECONDS * 1e3 || n < FEWEST; n++) {
      times = n < times.length ? times : Arrays.copyOf(times, 2 * n);
      times[n] = time(kernel);
      sum += times[n];
    }
    Arrays.sort(times, 0, n);
    return times[n / 2];
  }

  private static double time(Kernel kernel) {
    kernel.prepare.run();
    long start = System.nanoTime();
    kernel.run.run();
    return (System.nanoTime() - start) / 1e6;
  }

  private KernelTimes() {}
}
