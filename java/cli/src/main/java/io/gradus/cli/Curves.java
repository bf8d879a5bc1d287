package io.gradus.cli;

import io.gradus.report.RunHistory;
import io.gradus.report.Series;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Draws what runs measured by step. */
final class Curves {

  private Curves() {}

  /** The names that have loss in them; all where none has. */
  static Set<String> losses(Set<String> names) {
    Set<String> losses = new LinkedHashSet<>();
    names.stream().filter(name -> name.contains("loss")).forEach(losses::add);
    return losses.isEmpty() ? names : losses;
  }

  /** Draws the losses of one run, as at its end. */
  static void losses(Path file, RunHistory run) throws IOException {
    Plots.Look look = new Plots.Look("", "step", "loss", false, false, 1000, 600);
    draw(file, look, Map.of("", run), losses(run.names()), 0);
  }

  /**
   * Draws measurements of runs into one picture.
   *
   * @param runs by the names that the legend gives them
   * @param names of what is drawn, where a run has it
   * @param smooth the weight of {@link Series#smoothed}; where it is not 0, the values themselves
   *     stand faintly behind
   * @throws IllegalArgumentException where there is no point to draw
   */
  static void draw(
      Path file, Plots.Look look, Map<String, RunHistory> runs, Set<String> names, double smooth)
      throws IOException {
    List<Plots.Line> raw = new ArrayList<>();
    List<Plots.Line> lines = new ArrayList<>();
    for (var run : runs.entrySet()) {
      for (String name : run.getValue().names()) {
        if (names.contains(name)) {
          Series series = run.getValue().series(name);
          String label = label(run.getKey(), runs.size(), name, names.size());
          raw.add(line(label, series));
          lines.add(line(label, series.smoothed(smooth)));
        }
      }
    }
    Plots.lines(file, look, lines, smooth > 0 ? raw : null);
  }

  /** Only what tells the lines apart. */
  private static String label(String run, int runs, String name, int names) {
    if (runs == 1) {
      return name;
    }
    return names == 1 ? run : run + ": " + name;
  }

  private static Plots.Line line(String label, Series series) {
    double[] steps = Arrays.stream(series.steps()).asDoubleStream().toArray();
    return new Plots.Line(label, steps, series.values());
  }
}
