package io.gradus.cli;

import java.util.Arrays;

/** The points of a line that a picture can show. */
final class Points {

  private Points() {}

  /**
   * A line with NaN where an axis cannot show a value, and with no more points than make a
   * difference: of each part of a pixel's width, its lowest and its highest.
   *
   * @param width in pixels
   */
  static Plots.Line visible(Plots.Line line, boolean logX, boolean logY, int width) {
    int n = 0;
    boolean any = false;
    double[] x = new double[line.x().length];
    double[] y = new double[line.x().length];
    for (int i = 0; i < x.length; i++) {
      if (Double.isFinite(line.x()[i]) && (!logX || line.x()[i] > 0)) {
        boolean shown = Double.isFinite(line.y()[i]) && (!logY || line.y()[i] > 0);
        x[n] = line.x()[i];
        y[n++] = shown ? line.y()[i] : Double.NaN;
        any |= shown;
      }
    }
    n = any ? n : 0;
    return thinned(
        new Plots.Line(line.name(), Arrays.copyOf(x, n), Arrays.copyOf(y, n)), 2 * width);
  }

  /** The lowest and the highest of each of so many parts, where there are more points than that. */
  private static Plots.Line thinned(Plots.Line line, int parts) {
    int n = line.x().length;
    if (n <= 2 * parts) {
      return line;
    }
    double[] x = new double[2 * parts];
    double[] y = new double[2 * parts];
    for (int part = 0; part < parts; part++) {
      int from = (int) ((long) n * part / parts);
      int to = (int) ((long) n * (part + 1) / parts);
      int low = from;
      int high = from;
      for (int i = from; i < to; i++) {
        double value = line.y()[i];
        low = value < line.y()[low] || Double.isNaN(line.y()[low]) ? i : low;
        high = value > line.y()[high] || Double.isNaN(line.y()[high]) ? i : high;
      }
      int first = Math.min(low, high);
      int second = Math.max(low, high);
      x[2 * part] = line.x()[first];
      y[2 * part] = line.y()[first];
      x[2 * part + 1] = line.x()[second];
      y[2 * part + 1] = line.y()[second];
    }
    return new Plots.Line(line.name(), x, y);
  }
}
