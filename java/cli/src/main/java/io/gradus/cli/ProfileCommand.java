package io.gradus.cli;

import io.gradus.autograd.Graph;
import io.gradus.autograd.GraphProfile;
import io.gradus.data.OutputFile;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code gradus profile}: where the time of a training step goes. */
@Command(
    name = "profile",
    description = {
      "Captures a step of training as a graph, replays it and shows where its time goes: kernel by"
          + " kernel, with sizes, GFLOP/s and GB/s. The step is that of gradus bench.",
      "Of several replays, the one of median length is shown."
    })
final class ProfileCommand implements Runnable {

  /** For the help. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Workloads.trainings().iterator();
    }
  }

  @Spec private CommandSpec spec;

  @Option(
      names = "--workload",
      paramLabel = "NAME",
      completionCandidates = Names.class,
      description = "Which step: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private String name = "shakespeare_b8_t256";

  @Option(
      names = "--replays",
      paramLabel = "N",
      description = "How many replays. Default: ${DEFAULT-VALUE}.")
  private int replays = 7;

  @Option(
      names = "--trace",
      paramLabel = "FILE",
      description = "Write a trace that chrome://tracing and Perfetto open.")
  private Path trace;

  @Option(
      names = "--svg",
      paramLabel = "FILE",
      description = "Write a picture: when each kernel ran.")
  private Path svg;

  @Mixin private DeviceOption device;

  @Mixin private ThreadsOption threads;

  @Override
  public void run() {
    check();
    device.check();
    threads.apply();
    Output out = Output.standard();
    Workload.Training training = Workloads.create(name, device.get()).training();
    try (Graph graph = training.capture()) {
      GraphProfile profile = measure(graph, training.inputs(), training.targets());
      out.line("%s", profile.toString().stripTrailing());
      out.line(
          "%.1f MB for the tensors of a step, %.1f MB if none shared its place",
          graph.plannedBytes() / 1e6, graph.unplannedBytes() / 1e6);
      write(trace, profile.toChromeTrace());
      write(svg, profile.toSvg());
    }
  }

  private GraphProfile measure(Graph graph, Tensor... batch) {
    graph.replay(batch);
    List<GraphProfile> profiles =
        IntStream.range(0, replays)
            .mapToObj(i -> graph.profile(batch))
            .sorted(Comparator.comparingLong(GraphProfile::totalNanos))
            .toList();
    return profiles.get(replays / 2);
  }

  private void write(Path file, String text) {
    if (file == null) {
      return;
    }
    try {
      ByteBuffer bytes = StandardCharsets.UTF_8.encode(text);
      OutputFile.replace(
          "profile",
          file,
          out -> {
            while (bytes.hasRemaining()) {
              out.write(bytes);
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void check() {
    if (!Workloads.trainings().contains(name)) {
      throw new ParameterException(
          spec.commandLine(),
          "--workload: there is no training of this name: "
              + name
              + "; supported are "
              + String.join(", ", Workloads.trainings()));
    }
    if (replays < 1 || replays > 10_000) {
      throw new ParameterException(
          spec.commandLine(), "--replays: must lie in 1 to 10000: " + replays);
    }
  }
}
