package io.gradus.cli;

import io.gradus.data.OutputFile;
import io.gradus.metric.ConfusionMatrix;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws the figures of runs, without a screen, as PNG or SVG. */
final class Plots {

  static {
    // Before the first colour, which asks for it. Else a DISPLAY that nobody answers at is an
    // error.
    if (System.getProperty("java.awt.headless") == null) {
      System.setProperty("java.awt.headless", "true");
    }
  }

  /** A line: its name in the legend, and points from left to right; NaN makes a gap. */
  record Line(String name, double[] x, double[] y) {}

  /**
   * How a picture of lines looks.
   *
   * @param title above it; may be empty
   * @param logX whether the x axis is logarithmic, as for learning rates
   * @param logY whether the y axis is
   */
  record Look(
      String title, String x, String y, boolean logX, boolean logY, int width, int height) {}

  private static final Color[] COLORS = {
    new Color(0x4e79a7), new Color(0xf28e2b), new Color(0x59a14f), new Color(0xe15759),
    new Color(0x76b7b2), new Color(0xedc948), new Color(0xb07aa1), new Color(0x9c755f)
  };

  private static final int FAINT = 70; // of 255
  private static final int FEW = 30; // points

  private Plots() {}

  // Curves

  /**
   * Draws lines into one picture.
   *
   * @param faint behind each line, the values it was smoothed from; null for none
   * @throws IllegalArgumentException where there is no point to draw
   */
  static void lines(Path file, Look look, List<Line> lines, List<Line> faint) throws IOException {
    write(file, chart(look, lines, faint));
  }

  private static XYChart chart(Look look, List<Line> lines, List<Line> faint) {
    XYChart chart = new XYChart(look.width(), look.height());
    chart.setTitle(look.title());
    chart.setXAxisTitle(look.x());
    chart.setYAxisTitle(look.y());
    style(chart);
    chart.getStyler().setXAxisLogarithmic(look.logX()).setYAxisLogarithmic(look.logY());
    int drawn = 0;
    for (int i = 0; faint != null && i < faint.size(); i++) {
      add(chart, look, "behind " + i, faint.get(i), i, true);
    }
    for (int i = 0; i < lines.size(); i++) {
      drawn += add(chart, look, "line " + i, lines.get(i), i, false) ? 1 : 0;
    }
    if (drawn == 0) {
      throw new IllegalArgumentException(
          "plot: there is no point to draw: no value is finite"
              + (look.logX() || look.logY() ? " and positive" : ""));
    }
    chart.getStyler().setLegendVisible(drawn > 1);
    unevenly(chart);
    return chart;
  }

  /**
   * Where all values are evenly spaced, as steps are, XChart takes every so manieth for a tick,
   * however odd: 1,120. With one in between, which is not drawn, its ticks are round.
   */
  private static void unevenly(XYChart chart) {
    XYSeries any = chart.getSeriesMap().values().iterator().next();
    double between = any.getXMin() + (any.getXMax() - any.getXMin()) / Math.sqrt(5);
    XYSeries point =
        chart.addSeries("between", new double[] {between}, new double[] {any.getYMin()});
    point.setMarker(SeriesMarkers.NONE).setShowInLegend(false);
  }

  /** Whether there was anything to add. */
  private static boolean add(
      XYChart chart, Look look, String id, Line line, int number, boolean faint) {
    Line points = Points.visible(line, look.logX(), look.logY(), look.width());
    if (points.x().length == 0) {
      return false;
    }
    XYSeries series = chart.addSeries(id, points.x(), points.y());
    Color color = COLORS[number % COLORS.length];
    series.setLabel(line.name());
    series.setShowInLegend(!faint);
    series.setLineColor(
        faint ? new Color(color.getRed(), color.getGreen(), color.getBlue(), FAINT) : color);
    // The ninth line has the first one's colour, but dashes.
    float[] dash = number < COLORS.length ? null : new float[] {6, 3};
    series.setLineStyle(
        new BasicStroke(1.8f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND, 1, dash, 0));
    // Of few values, each one counts, and one by itself makes no line.
    boolean few = points.x().length <= FEW && !faint;
    series.setMarker(few ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
    series.setMarkerColor(color);
    return true;
  }

  private static void style(Chart<?, ?> chart) {
    Styler styler = chart.getStyler();
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setPlotBorderVisible(false);
    styler.setChartTitleBoxVisible(false);
    styler.setChartTitleVisible(!chart.getTitle().isEmpty());
    styler.setLegendBorderColor(Color.WHITE);
    styler.setLegendPosition(LegendPosition.OutsideS);
    styler.setLegendLayout(Styler.LegendLayout.Horizontal);
  }

  /**
   * Draws the result of a learning-rate finder: the loss by the rate, and the rate it suggests.
   *
   * @param rates ascending and positive
   * @param suggested one of the rates; NaN for none
   */
  static void learningRates(Path file, double[] rates, double[] losses, double suggested)
      throws IOException {
    List<Line> lines = new ArrayList<>(List.of(new Line("loss", rates, losses)));
    for (int i = 0; i < rates.length; i++) {
      if (rates[i] == suggested) {
        String name = Text.format("suggested: %.3g", suggested);
        lines.add(new Line(name, new double[] {rates[i]}, new double[] {losses[i]}));
      }
    }
    lines(
        file,
        new Look("Learning rate", "learning rate", "loss", true, false, 900, 500),
        lines,
        null);
  }

  // Confusion

  /**
   * Draws a confusion matrix: a row for each actual class, the first one at the top, each coloured
   * by the share of its examples.
   *
   * @param names of the classes, in their order
   */
  static void confusion(Path file, ConfusionMatrix matrix, List<String> names) throws IOException {
    int n = names.size();
    int side = Math.min(4000, 220 + Math.max(30, Math.min(60, 900 / n)) * n);
    HeatMapChart chart = new HeatMapChart(side, side, Styler.ChartTheme.XChart);
    chart.setTitle("Accuracy " + Text.percent(matrix.accuracy()));
    chart.setXAxisTitle("predicted");
    chart.setYAxisTitle("actual");
    style(chart);
    List<Number[]> cells = new ArrayList<>();
    List<String> rows = new ArrayList<>(); // XChart counts from below
    for (int row = 0; row < n; row++) {
      int actual = n - 1 - row;
      rows.add(names.get(actual));
      long all = 0;
      for (int predicted = 0; predicted < n; predicted++) {
        all += matrix.count(actual, predicted);
      }
      for (int predicted = 0; predicted < n; predicted++) {
        double share = 100.0 * matrix.count(actual, predicted) / Math.max(1, all);
        cells.add(new Number[] {predicted, row, share});
      }
    }
    chart.addSeries("share", names, rows, cells);
    chart
        .getStyler()
        .setShowValue(n <= 30)
        .setHeatMapValueDecimalPattern("0.0")
        .setValueFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11))
        .setValueFontColor(Color.BLACK)
        .setRangeColors(new Color[] {Color.WHITE, new Color(0x6fa8dc)})
        .setMin(0)
        .setMax(100);
    chart.getStyler().setLegendVisible(false);
    chart.getStyler().setXAxisLabelRotation(90).setPlotMargin(0).setPlotContentSize(1);
    write(file, chart);
  }

  // Files

  /** Whether a picture of this name can be written. */
  static boolean isPicture(Path file) {
    return extension(file).matches("png|svg");
  }

  private static String extension(Path file) {
    String name = file.getFileName().toString();
    return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
  }

  private static void write(Path file, Chart<?, ?> chart) throws IOException {
    ByteBuffer bytes;
    try {
      bytes = ByteBuffer.wrap(extension(file).equals("svg") ? svg(chart) : png(chart));
    } catch (LinkageError | InternalError e) {
      throw new IOException(
          "plot: this JVM cannot draw letters: "
              + e
              + "; install fontconfig and a font, such as Debian's fonts-dejavu-core",
          e);
    }
    OutputFile.replace(
        "plot",
        file,
        out -> {
          while (bytes.hasRemaining()) {
            out.write(bytes);
          }
        });
  }

  private static byte[] svg(Chart<?, ?> chart) {
    SvgGraphics to = new SvgGraphics(chart.getWidth(), chart.getHeight());
    chart.paint(to, chart.getWidth(), chart.getHeight());
    return to.toSvg().getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] png(Chart<?, ?> chart) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BitmapEncoder.saveBitmap(chart, bytes, BitmapEncoder.BitmapFormat.PNG);
    return bytes.toByteArray();
  }
}
