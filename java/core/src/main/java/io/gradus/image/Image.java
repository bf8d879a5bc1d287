package io.gradus.image;

import io.gradus.tensor.Tensor;

/**
 * A picture as numbers, from 0 to 1 as they come from a file: channel by channel, in each row by
 * row from the top, as a tensor (channels, height, width) has them.
 *
 * @param pixels {@code channels · height · width} numbers, which are not changed once they are here
 */
public record Image(int channels, int height, int width, float[] pixels) {

  /** Checks that there is a number for each pixel of each channel. */
  public Image {
    if (channels < 1 || height < 1 || width < 1) {
      throw new IllegalArgumentException(
          "image: sizes must be positive: " + sizes(channels, height, width));
    }
    if (pixels.length != (long) channels * height * width) {
      throw new IllegalArgumentException(
          "image: "
              + pixels.length
              + " numbers do not make an image "
              + sizes(channels, height, width));
    }
  }

  private static String sizes(int channels, int height, int width) {
    return "(" + channels + ", " + height + ", " + width + ")";
  }

  /** An image of other pixels. */
  public Image with(float... pixels) {
    return new Image(channels, height, width, pixels);
  }

  /** The number at a place; for many of them use {@link #pixels}. */
  public float get(int channel, int y, int x) {
    return pixels[(channel * height + y) * width + x];
  }

  /** A part that begins at this row and column; what is outside the image is 0. */
  public Image crop(int top, int left, int rows, int columns) {
    float[] part = new float[channels * rows * columns];
    int from = Math.max(0, -left); // columns of the part that are in the image
    int to = Math.min(columns, width - left);
    for (int c = 0; c < channels; c++) {
      for (int y = Math.max(0, -top); y < Math.min(rows, height - top) && from < to; y++) {
        System.arraycopy(
            pixels,
            (c * height + top + y) * width + left + from,
            part,
            (c * rows + y) * columns + from,
            to - from);
      }
    }
    return new Image(channels, rows, columns, part);
  }

  /** F32 (channels, height, width) on the CPU. */
  public Tensor toTensor() {
    return Tensor.of(pixels, channels, height, width);
  }

  /** The image that a tensor (channels, height, width) has. */
  public static Image of(Tensor x) {
    if (x.rank() != 3) {
      throw new IllegalArgumentException(
          "image: a tensor must be (channels, height, width): " + x.shape());
    }
    return new Image((int) x.dim(0), (int) x.dim(1), (int) x.dim(2), x.toFloats());
  }

  /**
   * The same image in gray, with one channel: 0.299 red, 0.587 green and 0.114 blue (ITU-R BT.601).
   */
  public Image toGrayscale() {
    if (channels == 1) {
      return this;
    }
    checkRgb("grayscale");
    int n = height * width;
    float[] gray = new float[n];
    for (int i = 0; i < n; i++) {
      gray[i] = 0.299f * pixels[i] + 0.587f * pixels[n + i] + 0.114f * pixels[2 * n + i];
    }
    return new Image(1, height, width, gray);
  }

  /** The same image with three channels, equal ones where it is gray. */
  public Image toRgb() {
    if (channels == 3) {
      return this;
    }
    if (channels != 1) {
      checkRgb("rgb");
    }
    float[] color = new float[3 * pixels.length];
    for (int c = 0; c < 3; c++) {
      System.arraycopy(pixels, 0, color, c * pixels.length, pixels.length);
    }
    return new Image(3, height, width, color);
  }

  void checkRgb(String op) {
    if (channels != 3) {
      throw new IllegalArgumentException(
          op + ": needs red, green and blue: " + sizes(channels, height, width));
    }
  }

  /** Refuses the sizes of an image to be made where they are not positive. */
  static void checkSize(String op, int height, int width) {
    if (height < 1 || width < 1) {
      throw new IllegalArgumentException(
          op + ": sizes must be positive: (" + height + ", " + width + ")");
    }
  }

  /** The sizes, as of a tensor. */
  @Override
  public String toString() {
    return sizes(channels, height, width);
  }
}
