package io.gradus.image;

import io.gradus.tensor.Seed;

/** A part of random size, place and proportion, resized. */
record RandomResizedCrop(int height, int width, double minScale) implements ImageTransform {

  private static final int TRIES = 10;
  private static final double WIDEST = 4.0 / 3;

  RandomResizedCrop {
    Image.checkSize("randomResizedCrop", height, width);
    if (!(minScale > 0 && minScale <= 1)) {
      throw new IllegalArgumentException(
          "randomResizedCrop: the smallest share of the area must be above 0 and at most 1: "
              + minScale);
    }
  }

  @Override
  public Image apply(Image image, Seed seed) {
    double area = (double) image.height() * image.width();
    for (int i = 0; i < TRIES; i++) {
      Seed draw = seed.split(i);
      double part = area * (minScale + (1 - minScale) * draw.uniform(0));
      double ratio = Math.exp((2 * draw.uniform(1) - 1) * Math.log(WIDEST));
      int columns = (int) Math.rint(Math.sqrt(part * ratio));
      int rows = (int) Math.rint(Math.sqrt(part / ratio));
      if (rows > 0 && rows <= image.height() && columns > 0 && columns <= image.width()) {
        int top = (int) (draw.uniform(2) * (image.height() - rows + 1));
        int left = (int) (draw.uniform(3) * (image.width() - columns + 1));
        return Resize.of(image.crop(top, left, rows, columns), height, width);
      }
    }
    return Resize.of(middle(image), height, width);
  }

  /** The largest part in the middle that is neither too wide nor too high. */
  private static Image middle(Image image) {
    int rows = Math.min(image.height(), Math.max(1, (int) Math.rint(image.width() * WIDEST)));
    int columns = Math.min(image.width(), Math.max(1, (int) Math.rint(image.height() * WIDEST)));
    return image.crop((image.height() - rows) / 2, (image.width() - columns) / 2, rows, columns);
  }
}
