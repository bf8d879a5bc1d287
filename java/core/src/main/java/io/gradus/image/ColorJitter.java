package io.gradus.image;

import io.gradus.tensor.Seed;
import java.util.Arrays;

/** Other brightness, contrast, saturation and hue, in an order of its own. */
record ColorJitter(double brightness, double contrast, double saturation, double hue)
    implements ImageTransform {

  ColorJitter {
    if (!(brightness >= 0 && contrast >= 0 && saturation >= 0 && hue >= 0 && hue <= 0.5)) {
      throw new IllegalArgumentException(
          "colorJitter: needs numbers of 0 and more, for the hue up to 0.5: "
              + brightness
              + ", "
              + contrast
              + ", "
              + saturation
              + ", "
              + hue);
    }
  }

  @Override
  public Image apply(Image image, Seed seed) {
    float[] x = image.pixels().clone();
    int[] order = order(seed.split(0));
    for (int step : order) {
      double draw = 2 * seed.uniform(1 + step) - 1;
      switch (step) {
        case 0 -> brighten(x, factor(brightness, draw));
        case 1 -> contrast(image, x, factor(contrast, draw));
        case 2 -> saturate(image, x, factor(saturation, draw));
        default -> turnHue(image, x, (float) (hue * draw));
      }
    }
    return image.with(x);
  }

  /** All orders of the four are as likely. */
  private static int[] order(Seed seed) {
    int[] order = {0, 1, 2, 3};
    for (int i = 3; i > 0; i--) {
      int j = (int) (seed.uniform(i) * (i + 1));
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }

  /** From {@code max(0, 1 - spread)} to {@code 1 + spread}. */
  private static float factor(double spread, double draw) {
    double least = Math.max(0, 1 - spread);
    return (float) (least + (1 + spread - least) * (draw + 1) / 2);
  }

  private static float clamp(float x) {
    return Math.min(Math.max(x, 0), 1);
  }

  static void brighten(float[] x, float factor) {
    for (int i = 0; i < x.length; i++) {
      x[i] = clamp(factor * x[i]);
    }
  }

  static void contrast(Image image, float[] x, float factor) {
    float[] gray = gray(image, x);
    double sum = 0;
    for (float g : gray) {
      sum += g;
    }
    float mean = (float) (sum / gray.length);
    for (int i = 0; i < x.length; i++) {
      x[i] = clamp(factor * x[i] + (1 - factor) * mean);
    }
  }

  private static float[] gray(Image image, float... x) {
    return image.channels() == 3 ? image.with(x).toGrayscale().pixels() : x;
  }

  static void saturate(Image image, float[] x, float factor) {
    if (image.channels() != 3) {
      return; // gray has no colors
    }
    float[] gray = gray(image, Arrays.copyOf(x, x.length));
    for (int i = 0; i < x.length; i++) {
      x[i] = clamp(factor * x[i] + (1 - factor) * gray[i % gray.length]);
    }
  }

  /** In the HSV cone, by a part of a full circle. */
  static void turnHue(Image image, float[] x, float turn) {
    if (image.channels() != 3 || turn == 0) {
      return;
    }
    int n = image.height() * image.width();
    for (int i = 0; i < n; i++) {
      float r = x[i];
      float g = x[n + i];
      float b = x[2 * n + i];
      float value = Math.max(r, Math.max(g, b));
      float range = value - Math.min(r, Math.min(g, b));
      if (range == 0) {
        continue;
      }
      float sector =
          value == r ? (g - b) / range : value == g ? 2 + (b - r) / range : 4 + (r - g) / range;
      float turned = sector + 6 * turn;
      turned -= 6 * (float) Math.floor(turned / 6);
      for (int c = 0; c < 3; c++) {
        // How far the channel's own sector, 0, 2 or 4, is away on the circle says how much of it is
        // there: all up to 1, nothing from 2 on.
        float away = Math.abs(turned - 2 * c);
        away = Math.min(away, 6 - away);
        x[c * n + i] = value - range * Math.min(Math.max(away - 1, 0), 1);
      }
    }
  }
}
