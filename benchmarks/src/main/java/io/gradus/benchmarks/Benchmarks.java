package io.gradus.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs the benchmarks class by class and prints a Markdown table of each: all of them shortly, in
 * about two minutes, or with {@code --full} as JMH would; names such as {@code GemmBench} choose.
 */
public final class Benchmarks {
  private static final List<Class<?>> CLASSES =
      List.of(
          GemmBench.class,
          PointwiseBench.class,
          SoftmaxBench.class,
          AttentionBench.class,
          NormalizationBench.class,
          MlpBench.class,
          CallBench.class,
          TokenizerBench.class);

  public static void main(String[] args) throws RunnerException {
    List<String> names = new ArrayList<>(List.of(args));
    boolean full = names.remove("--full");
    System.out.printf("Threads: %d. JDK: %s.%n", Sizes.THREADS, Runtime.version());
    for (Class<?> benchmark : CLASSES) {
      if (names.isEmpty() || names.contains(benchmark.getSimpleName())) {
        System.out.println();
        System.out.print(Table.of(new Runner(options(benchmark, full).build()).run()));
      }
    }
  }

  private static OptionsBuilder options(Class<?> benchmark, boolean full) {
    var options = new OptionsBuilder();
    options
        .include(benchmark.getName() + "\\.")
        .mode(Mode.AverageTime)
        .timeUnit(TimeUnit.NANOSECONDS)
        .verbosity(VerboseMode.SILENT)
        .jvmArgsAppend("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED")
        .forks(full ? 3 : 1)
        .warmupIterations(full ? 5 : 2)
        .warmupTime(TimeValue.milliseconds(full ? 1000 : 400))
        .measurementIterations(full ? 5 : 3)
        .measurementTime(TimeValue.milliseconds(full ? 1000 : 400));
    return options;
  }

  private Benchmarks() {}
}
