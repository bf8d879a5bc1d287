package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.pure.PureBench;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What is compared. Each runs in JVMs of its own, on a class path of its own. */
enum Engine {
  GRADUS("gradus", "Gradus", "gradus"),
  LIBTORCH_MKL("libtorch-mkl", "libtorch, MKL", "pytorch", "mkl"),
  LIBTORCH("libtorch", "libtorch as shipped", "pytorch", "openblas"),
  DJL("djl", "DJL", "pytorch-engine", "pytorch-native-cpu"),
  DEEPLEARNING4J("deeplearning4j", "Deeplearning4j", "deeplearning4j-nn", "nd4j-native"),
  PURE_JAVA("java", "pure Java", "gradus-benchmarks");

  private static final String RIVALS = "io.gradus.benchmarks.rivals.";

  private final String option;
  private final String title;
  private final List<String> artifacts;

  Engine(String option, String title, String... artifacts) {
    this.option = option;
    this.title = title;
    this.artifacts = List.of(artifacts);
  }

  /** What it is called on the command line and in JSON. */
  String option() {
    return option;
  }

  /** What it is called in a table. */
  String title() {
    return title;
  }

  /** Whether it has been taught the workload. */
  boolean has(Workload workload) {
    return switch (this) {
      case GRADUS, LIBTORCH_MKL, LIBTORCH -> true;
      case DJL, DEEPLEARNING4J, PURE_JAVA -> workload.isMlp();
    };
  }

  /** The command that measures a workload, less its options. */
  List<String> command() {
    return switch (this) {
      // With natives of its own: a cache in the user's home may hold those of another build.
      case GRADUS ->
          java("-Dorg.bytedeco.javacpp.cachedir=target/natives", "io.gradus.cli.Main", "bench");
      case LIBTORCH_MKL -> java("-Dgradus.benchmarks.blas=mkl", RIVALS + "LibtorchBench");
      case LIBTORCH -> java("-Dgradus.benchmarks.blas=openblas", RIVALS + "LibtorchBench");
      case DJL -> java(RIVALS + "DjlBench");
      case DEEPLEARNING4J -> java(RIVALS + "Deeplearning4jBench");
      case PURE_JAVA -> java("--add-modules=jdk.incubator.vector", PureBench.class.getName());
    };
  }

  private List<String> java(String... arguments) {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", classPath()));
    command.addAll(List.of(arguments));
    return command;
  }

  private String classPath() {
    return switch (this) {
      case GRADUS, PURE_JAVA -> System.getProperty("java.class.path");
      case LIBTORCH_MKL, LIBTORCH -> classPath(LIBTORCH.option);
      case DJL, DEEPLEARNING4J -> classPath(option);
    };
  }

  private static String classPath(String rival) {
    Path target = Path.of(rival, "target");
    try {
      return target.resolve("classes") + ":" + Files.readString(target.resolve("classpath"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How many threads libraries take that read it nowhere else. */
  Map<String, String> environment(int threads) {
    return List.of("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS").stream()
        .collect(Collectors.toMap(name -> name, name -> Integer.toString(threads)));
  }

  /** Of what it is made, as its jars are called. */
  String versions() {
    List<String> jars =
        Arrays.stream(classPath().split(":")).map(path -> new File(path).getName()).toList();
    return artifacts.stream()
        .flatMap(artifact -> jars.stream().filter(jar -> jar.matches(artifact + "-\\d.*")).limit(1))
        .map(jar -> jar.replaceFirst("(-linux-[^.]*)?\\.jar$", ""))
        .collect(Collectors.joining(", "));
  }
}
