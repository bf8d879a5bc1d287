package io.gradus.image;

import io.gradus.tensor.Seed;
import java.util.Arrays;

/** A rectangle becomes 0. */
record RandomErasing(double p) implements ImageTransform {

  private static final int TRIES = 10;
  private static final double LEAST = 0.02; // of the area
  private static final double MOST = 0.33;
  private static final double FLATTEST = 0.3; // height by width
  private static final double STEEPEST = 3.3;

  @Override
  public Image apply(Image image, Seed seed) {
    if (seed.uniform(TRIES) >= p) {
      return image;
    }
    double area = (double) image.height() * image.width();
    for (int i = 0; i < TRIES; i++) {
      Seed draw = seed.split(i);
      double part = area * (LEAST + (MOST - LEAST) * draw.uniform(0));
      double ratio = FLATTEST * Math.pow(STEEPEST / FLATTEST, draw.uniform(1));
      int rows = (int) Math.rint(Math.sqrt(part * ratio));
      int columns = (int) Math.rint(Math.sqrt(part / ratio));
      if (rows < image.height() && columns < image.width()) {
        int top = (int) (draw.uniform(2) * (image.height() - rows + 1));
        int left = (int) (draw.uniform(3) * (image.width() - columns + 1));
        return erased(image, top, left, rows, columns);
      }
    }
    return image;
  }

  private static Image erased(Image image, int top, int left, int rows, int columns) {
    float[] y = image.pixels().clone();
    for (int c = 0; c < image.channels(); c++) {
      for (int row = top; row < top + rows; row++) {
        int from = (c * image.height() + row) * image.width() + left;
        Arrays.fill(y, from, from + columns, 0);
      }
    }
    return image.with(y);
  }
}
