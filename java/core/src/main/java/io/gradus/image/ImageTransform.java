package io.gradus.image;

import io.gradus.tensor.Seed;

/**
 * Changes an image before a model sees it. What is random follows from the seed alone, so that an
 * epoch is the same on any number of threads.
 *
 * <pre>{@code
 * ImageTransform training =
 *     ImageTransform.compose(
 *         ImageTransform.randomCrop(32, 32, 4),
 *         ImageTransform.randomHorizontalFlip(0.5),
 *         ImageTransform.normalize(new float[] {0.49f, 0.48f, 0.45f}, new float[] {0.25f, 0.24f, 0.26f}));
 * }</pre>
 */
@FunctionalInterface
public interface ImageTransform {

  /** The changed image; the one that is given stays as it is. */
  Image apply(Image image, Seed seed);

  /** One after the other. */
  static ImageTransform compose(ImageTransform... transforms) {
    ImageTransform[] all = transforms.clone();
    return (image, seed) -> {
      Image changed = image;
      for (int i = 0; i < all.length; i++) {
        changed = all[i].apply(changed, seed.split(i));
      }
      return changed;
    };
  }

  /**
   * {@code (x - mean) / std}, channel by channel.
   *
   * @param mean one for each channel
   * @param std one for each channel, positive
   */
  static ImageTransform normalize(float[] mean, float[] std) {
    return new Normalize(mean, std);
  }

  /**
   * To this size, bilinearly; where an image shrinks, each pixel is made of all that it covers (a
   * triangle filter, as PyTorch's {@code antialias=True}).
   */
  static ImageTransform resize(int height, int width) {
    Image.checkSize("resize", height, width);
    return (image, seed) -> Resize.of(image, height, width);
  }

  /**
   * The shorter side to this length, as {@link #resize(int, int)} does, the other in proportion.
   */
  static ImageTransform resize(int shorter) {
    Image.checkSize("resize", shorter, shorter);
    return (image, seed) -> {
      boolean upright = image.height() >= image.width();
      int longer =
          (int)
              ((long) shorter
                  * Math.max(image.height(), image.width())
                  / Math.min(image.height(), image.width()));
      return Resize.of(image, upright ? longer : shorter, upright ? shorter : longer);
    };
  }

  /** The middle of an image; what is missing to the size is 0. */
  static ImageTransform centerCrop(int height, int width) {
    Image.checkSize("centerCrop", height, width);
    return (image, seed) ->
        image.crop(
            (int) Math.rint((image.height() - height) / 2.0),
            (int) Math.rint((image.width() - width) / 2.0),
            height,
            width);
  }

  /**
   * A part of this size from anywhere.
   *
   * @param padding so many pixels of 0 are put around an image before
   */
  static ImageTransform randomCrop(int height, int width, int padding) {
    return new RandomCrop(height, width, padding);
  }

  /**
   * A part of random size and place, brought to this size: from {@code minScale} to all of the
   * area, its sides as 3 to 4 up to 4 to 3 (Szegedy et al. 2015).
   *
   * @param minScale from 0, exclusive, to 1; for ImageNet 0.08 is customary
   */
  static ImageTransform randomResizedCrop(int height, int width, double minScale) {
    return new RandomResizedCrop(height, width, minScale);
  }

  /** Left and right exchanged, with this probability. */
  static ImageTransform randomHorizontalFlip(double p) {
    checkProbability("randomHorizontalFlip", p);
    return (image, seed) -> seed.uniform(0) < p ? Flip.horizontal(image) : image;
  }

  /** Top and bottom exchanged, with this probability. */
  static ImageTransform randomVerticalFlip(double p) {
    checkProbability("randomVerticalFlip", p);
    return (image, seed) -> seed.uniform(0) < p ? Flip.vertical(image) : image;
  }

  /**
   * Turned about its middle by an angle from {@code -degrees} to {@code degrees}, bilinearly; what
   * comes in from outside is 0.
   */
  static ImageTransform randomRotation(double degrees) {
    if (!(degrees >= 0 && degrees <= 360)) {
      throw new IllegalArgumentException(
          "randomRotation: needs an angle from 0 to 360 degrees: " + degrees);
    }
    return (image, seed) -> Rotation.of(image, (2 * seed.uniform(0) - 1) * degrees);
  }

  /** Turned to the left about its middle by an angle; what comes in from outside is 0. */
  static ImageTransform rotate(double degrees) {
    if (!Double.isFinite(degrees)) {
      throw new IllegalArgumentException("rotate: the angle must be finite: " + degrees);
    }
    return (image, seed) -> Rotation.of(image, degrees);
  }

  /**
   * Other colors of an image from 0 to 1, in random order: brightness, contrast and saturation
   * times a factor that is at most so far from 1, the hue turned at most by that part of a circle.
   *
   * @param brightness from 0
   * @param contrast from 0
   * @param saturation from 0
   * @param hue from 0 to 0.5
   */
  static ImageTransform colorJitter(
      double brightness, double contrast, double saturation, double hue) {
    return new ColorJitter(brightness, contrast, saturation, hue);
  }

  /**
   * A rectangle of 2 to 33 % of the area becomes 0, with this probability (Zhong et al. 2017).
   * Belongs behind {@link #normalize}, after which 0 is the mean.
   */
  static ImageTransform randomErasing(double p) {
    checkProbability("randomErasing", p);
    return new RandomErasing(p);
  }

  private static void checkProbability(String op, double p) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException(op + ": needs a probability from 0 to 1: " + p);
    }
  }
}
