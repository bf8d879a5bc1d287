package io.gradus.image;

import io.gradus.tensor.Seed;

/** A part from anywhere in an image with pixels of 0 around it. */
record RandomCrop(int height, int width, int padding) implements ImageTransform {

  RandomCrop {
    Image.checkSize("randomCrop", height, width);
    if (padding < 0) {
      throw new IllegalArgumentException(
          "randomCrop: the padding must not be negative: " + padding);
    }
  }

  @Override
  public Image apply(Image image, Seed seed) {
    int rows = image.height() + 2 * padding - height;
    int columns = image.width() + 2 * padding - width;
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException(
          "randomCrop: an image "
              + image
              + " with "
              + padding
              + " pixels around it is smaller than ("
              + height
              + ", "
              + width
              + "); resize it first");
    }
    int top = (int) (seed.uniform(0) * (rows + 1)) - padding;
    int left = (int) (seed.uniform(1) * (columns + 1)) - padding;
    return image.crop(top, left, height, width);
  }
}
