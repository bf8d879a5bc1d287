package io.gradus.image;

/** Turns an image about its middle. */
final class Rotation {

  private Rotation() {}

  /** To the left by an angle in degrees. */
  static Image of(Image image, double degrees) {
    int height = image.height();
    int width = image.width();
    int n = height * width;
    double cos = Math.cos(Math.toRadians(degrees));
    double sin = Math.sin(Math.toRadians(degrees));
    double middleX = (width - 1) / 2.0;
    double middleY = (height - 1) / 2.0;
    float[] y = new float[image.pixels().length];
    for (int row = 0; row < height; row++) {
      for (int column = 0; column < width; column++) {
        // Where this pixel was before.
        double dx = column - middleX;
        double dy = row - middleY;
        double fromX = dx * cos - dy * sin + middleX;
        double fromY = dx * sin + dy * cos + middleY;
        int left = (int) Math.floor(fromX);
        int top = (int) Math.floor(fromY);
        float right = (float) (fromX - left);
        float bottom = (float) (fromY - top);
        for (int c = 0; c < image.channels(); c++) {
          y[c * n + row * width + column] =
              (1 - bottom)
                      * ((1 - right) * at(image, c, top, left)
                          + right * at(image, c, top, left + 1))
                  + bottom
                      * ((1 - right) * at(image, c, top + 1, left)
                          + right * at(image, c, top + 1, left + 1));
        }
      }
    }
    return image.with(y);
  }

  private static float at(Image image, int channel, int row, int column) {
    boolean inside = row >= 0 && row < image.height() && column >= 0 && column < image.width();
    return inside ? image.get(channel, row, column) : 0;
  }
}
