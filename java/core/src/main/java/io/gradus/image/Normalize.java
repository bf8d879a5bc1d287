package io.gradus.image;

import io.gradus.tensor.Seed;
import java.util.Arrays;

/** Mean 0 and deviation 1, if these are the image's. */
final class Normalize implements ImageTransform {

  private final float[] mean;
  private final float[] std;

  Normalize(float[] mean, float[] std) {
    if (mean.length == 0 || mean.length != std.length) {
      throw new IllegalArgumentException(
          "normalize: needs a mean and a deviation for each channel: "
              + mean.length
              + " and "
              + std.length);
    }
    for (float s : std) {
      if (!(s > 0)) {
        throw new IllegalArgumentException(
            "normalize: deviations must be positive: " + Arrays.toString(std));
      }
    }
    this.mean = mean.clone();
    this.std = std.clone();
  }

  @Override
  public Image apply(Image image, Seed seed) {
    if (image.channels() != mean.length) {
      throw new IllegalArgumentException(
          "normalize: " + mean.length + " means do not fit an image " + image);
    }
    int n = image.height() * image.width();
    float[] x = image.pixels();
    float[] y = new float[x.length];
    for (int c = 0; c < mean.length; c++) {
      for (int i = c * n; i < (c + 1) * n; i++) {
        y[i] = (x[i] - mean[c]) / std[c];
      }
    }
    return image.with(y);
  }
}
