package io.gradus.image;

/** Mirror images. */
final class Flip {

  private Flip() {}

  static Image horizontal(Image image) {
    int width = image.width();
    float[] x = image.pixels();
    float[] y = new float[x.length];
    for (int row = 0; row < x.length; row += width) {
      for (int i = 0; i < width; i++) {
        y[row + i] = x[row + width - 1 - i];
      }
    }
    return image.with(y);
  }

  static Image vertical(Image image) {
    int width = image.width();
    int n = image.height() * width;
    float[] x = image.pixels();
    float[] y = new float[x.length];
    for (int channel = 0; channel < x.length; channel += n) {
      for (int row = 0; row < n; row += width) {
        System.arraycopy(x, channel + n - width - row, y, channel + row, width);
      }
    }
    return image.with(y);
  }
}
