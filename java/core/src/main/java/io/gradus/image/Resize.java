package io.gradus.image;

/** Bilinear interpolation, one axis after the other. */
final class Resize {

  /**
   * Which pixels of an axis a pixel of another length is made of.
   *
   * @param from the first of them, for each
   * @param weights of those, for each; their sum is 1
   */
  private record Axis(int[] from, float[][] weights) {

    static Axis of(int in, int out) {
      double scale = (double) in / out;
      double support = Math.max(scale, 1); // half of the triangle's base
      int[] from = new int[out];
      float[][] weights = new float[out][];
      for (int i = 0; i < out; i++) {
        double center = scale * (i + 0.5);
        from[i] = Math.max((int) (center - support + 0.5), 0);
        int to = Math.min((int) (center + support + 0.5), in);
        double[] w = new double[to - from[i]];
        double sum = 0;
        for (int j = 0; j < w.length; j++) {
          w[j] = Math.max(0, 1 - Math.abs((from[i] + j - center + 0.5) / support));
          sum += w[j];
        }
        weights[i] = new float[w.length];
        for (int j = 0; j < w.length; j++) {
          weights[i][j] = (float) (w[j] / sum);
        }
      }
      return new Axis(from, weights);
    }
  }

  private Resize() {}

  static Image of(Image image, int height, int width) {
    if (image.height() == height && image.width() == width) {
      return image;
    }
    Axis columns = Axis.of(image.width(), width);
    int lines = image.channels() * image.height();
    float[] narrowed = new float[Math.multiplyExact(lines, width)];
    for (int line = 0; line < lines; line++) {
      int in = line * image.width();
      for (int x = 0; x < width; x++) {
        float sum = 0;
        float[] weights = columns.weights[x];
        for (int j = 0; j < weights.length; j++) {
          sum += weights[j] * image.pixels()[in + columns.from[x] + j];
        }
        narrowed[line * width + x] = sum;
      }
    }
    Axis rows = Axis.of(image.height(), height);
    float[] y = new float[Math.multiplyExact(image.channels() * height, width)];
    for (int c = 0; c < image.channels(); c++) {
      for (int row = 0; row < height; row++) {
        int out = (c * height + row) * width;
        float[] weights = rows.weights[row];
        for (int j = 0; j < weights.length; j++) {
          int in = (c * image.height() + rows.from[row] + j) * width;
          for (int x = 0; x < width; x++) {
            y[out + x] += weights[j] * narrowed[in + x];
          }
        }
      }
    }
    return new Image(image.channels(), height, width, y);
  }
}
