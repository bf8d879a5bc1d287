package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.metric.ConfusionMatrix;
import io.gradus.tensor.Tensor;
import java.awt.Color;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlotsTest {

  @TempDir private Path folder;

  @Test
  void a_confusion_matrix_is_darkest_where_it_is_certain() throws IOException {
    ConfusionMatrix matrix = new ConfusionMatrix(2);
    try (Tensor predictions = Tensor.of(new int[] {0, 0, 0, 1}, 4);
        Tensor labels = Tensor.of(new int[] {0, 0, 1, 1}, 4)) {
      matrix.add(predictions, labels);
    }
    Path file = folder.resolve("matrix.png");
    Plots.confusion(file, matrix, List.of("cat", "dog"));
    BufferedImage picture = ImageIO.read(file.toFile());
    int full = count(picture, 0x6fa8dc); // all cats are cats
    int none = 0;
    int half = 0; // dogs: of one half each
    for (int y = 0; y < picture.getHeight(); y++) {
      for (int x = 0; x < picture.getWidth(); x++) {
        Color color = new Color(picture.getRGB(x, y));
        half += Math.abs(color.getRed() - 0xb7) < 3 && Math.abs(color.getBlue() - 0xed) < 3 ? 1 : 0;
        none += color.equals(Color.WHITE) ? 1 : 0;
      }
    }
    assertTrue(full > 1000, "full: " + full);
    assertTrue(half > 1.8 * full, "half: " + half + ", full: " + full);
    assertTrue(none > 1000, "none: " + none);
  }

  private static int count(BufferedImage picture, int color) {
    return (int)
        IntStream.range(0, picture.getWidth() * picture.getHeight())
            .map(i -> picture.getRGB(i % picture.getWidth(), i / picture.getWidth()))
            .filter(rgb -> (rgb & 0xffffff) == color)
            .count();
  }

  @Test
  void many_classes_make_a_picture_too() throws IOException {
    ConfusionMatrix matrix = new ConfusionMatrix(100);
    Path file = folder.resolve("matrix.svg");
    Plots.confusion(file, matrix, IntStream.range(0, 100).mapToObj(Integer::toString).toList());
    assertTrue(Files.readString(file).endsWith("</svg>\n"));
  }

  @Test
  void a_learning_rate_plot_marks_what_it_suggests() throws IOException {
    double[] rates = {1e-5, 1e-4, 1e-3, 1e-2};
    double[] losses = {2, 1.5, 0.5, Double.POSITIVE_INFINITY};
    Path file = folder.resolve("rates.png");
    Plots.learningRates(file, rates, losses, 1e-4);
    BufferedImage picture = ImageIO.read(file.toFile());
    assertTrue(count(picture, 0x4e79a7) > 100);
    assertTrue(count(picture, 0xf28e2b) > 10);
  }

  @Test
  void a_long_line_keeps_its_peaks() {
    int n = 100_000;
    double[] x = IntStream.range(0, n).asDoubleStream().toArray();
    double[] y = new double[n];
    y[31_415] = 7;
    y[92_653] = -7;
    y[0] = Double.NaN;
    Plots.Line line = new Plots.Line("line", x, y);
    Plots.Line visible = Points.visible(line, false, false, 500);
    assertEquals(2000, visible.x().length);
    assertEquals(7, IntStream.range(0, 2000).mapToDouble(i -> visible.y()[i]).max().orElse(0));
    assertTrue(IntStream.range(0, 2000).anyMatch(i -> visible.x()[i] == 92_653));
    assertTrue(IntStream.range(1, 2000).allMatch(i -> visible.x()[i - 1] <= visible.x()[i]));
  }

  @Test
  void logarithmic_axes_leave_out_what_has_no_place_on_them() {
    Plots.Line line =
        new Plots.Line("line", new double[] {-1, 0, 1, 2, 3}, new double[] {1, 2, 0, 4, -5});
    Plots.Line visible = Points.visible(line, true, true, 100);
    assertArrayEquals(new double[] {1, 2, 3}, visible.x());
    assertArrayEquals(new double[] {Double.NaN, 4, Double.NaN}, visible.y());
    Plots.Line none = new Plots.Line("none", new double[] {1}, new double[] {-1});
    assertEquals(0, Points.visible(none, false, true, 100).x().length);
  }

  @Test
  void svg_has_shapes_where_they_were_drawn() {
    SvgGraphics to = new SvgGraphics(40, 30);
    to.setColor(new Color(255, 0, 0, 51));
    to.translate(10, 5);
    to.fill(new Rectangle2D.Double(0, 0, 2.5, 3));
    to.clip(new Rectangle2D.Double(0, 0, 4, 4));
    to.setColor(Color.BLUE);
    to.drawLine(0, 0, 1, 1);
    String svg = to.toSvg();
    assertTrue(
        svg.contains(
            "<path d=\"M10 5L12.5 5L12.5 8L10 8L10 5Z\" fill=\"#ff0000\" fill-opacity=\"0.200\"/>"),
        svg);
    assertTrue(
        svg.contains("<clipPath id=\"clip0\"><path d=\"M10 5L14 5L14 9L10 9L10 5Z\"/>"), svg);
    assertTrue(
        svg.contains(
            "<path d=\"M10 5L11 6\" fill=\"none\" stroke=\"#0000ff\" stroke-width=\"1\""
                + " clip-path=\"url(#clip0)\"/>"),
        svg);
  }
}
