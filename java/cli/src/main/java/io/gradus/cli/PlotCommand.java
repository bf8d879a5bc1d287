package io.gradus.cli;

import io.gradus.report.RunHistory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradus plot}: the curves of runs. */
@Command(
    name = "plot",
    description = {
      "Draws what runs measured, such as their losses, into one picture. It reads TensorBoard's event"
          + " files, CSV and JSON Lines, also those of runs that still go on.",
      "It needs no screen."
    })
final class PlotCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "LOG",
      arity = "1..*",
      description =
          "A log of a run: an event file, .csv or .jsonl, or a folder with the event files or the"
              + " one log of a run.")
  private List<Path> logs;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "Where to write the picture; its name ends with .png or .svg.")
  private Path output;

  @Option(
      names = "--metric",
      paramLabel = "NAME",
      description =
          "What to draw; can be given several times, and * stands for any letters. Default: what has"
              + " loss in its name, or everything.")
  private List<String> metrics = List.of();

  @Option(
      names = "--smooth",
      paramLabel = "W",
      description =
          "Draw exponential moving averages, in which what came before weighs W, from 0 to less than"
              + " 1; the values are shown faintly. Default: ${DEFAULT-VALUE}.")
  private double smooth = 0;

  @Option(names = "--log-x", description = "Make the x axis logarithmic.")
  private boolean logX;

  @Option(names = "--log-y", description = "Make the y axis logarithmic.")
  private boolean logY;

  @Option(names = "--title", paramLabel = "TEXT", description = "What stands above the picture.")
  private String title = "";

  @Option(
      names = "--width",
      paramLabel = "N",
      description = "Its width in pixels. Default: ${DEFAULT-VALUE}.")
  private int width = 1000;

  @Option(
      names = "--height",
      paramLabel = "N",
      description = "Its height in pixels. Default: ${DEFAULT-VALUE}.")
  private int height = 600;

  @Override
  public Integer call() throws IOException {
    check();
    Map<String, RunHistory> runs = new LinkedHashMap<>();
    List<String> names = RunNames.of(logs);
    for (int i = 0; i < logs.size(); i++) {
      runs.put(names.get(i), RunHistory.read(logs.get(i)));
    }
    Set<String> shown = shown(runs);
    String y = shown.size() == 1 ? shown.iterator().next() : "";
    Plots.Look look = new Plots.Look(title, "step", y, logX, logY, width, height);
    Curves.draw(output, look, runs, shown, smooth);
    Output.standard().line("saved %s", output);
    return 0;
  }

  private void check() {
    Usage.check(spec, Plots.isPicture(output), "--output", "must end with .png or .svg", output);
    Usage.check(
        spec, smooth >= 0 && smooth < 1, "--smooth", "must be at least 0 and less than 1", smooth);
    Usage.check(
        spec, width >= 200 && width <= 10_000, "--width", "must lie in 200 to 10000", width);
    Usage.check(
        spec, height >= 150 && height <= 10_000, "--height", "must lie in 150 to 10000", height);
  }

  /** The names that are meant, of those that any run has. */
  private Set<String> shown(Map<String, RunHistory> runs) {
    Set<String> all = new LinkedHashSet<>();
    runs.values().forEach(history -> all.addAll(history.names()));
    Set<String> shown = new LinkedHashSet<>();
    for (String metric : metrics) {
      Pattern pattern = Pattern.compile(Pattern.quote(metric).replace("*", "\\E.*\\Q"));
      if (all.stream().noneMatch(name -> pattern.matcher(name).matches())) {
        throw new ParameterException(
            spec.commandLine(),
            "--metric: nothing was measured under this name: "
                + metric
                + "; there are "
                + String.join(", ", all));
      }
      all.stream().filter(name -> pattern.matcher(name).matches()).forEach(shown::add);
    }
    if (all.isEmpty()) {
      throw new ParameterException(spec.commandLine(), "plot: the logs are empty: " + logs);
    }
    return shown.isEmpty() ? Curves.losses(all) : shown;
  }
}
