package io.gradus.cli;

import io.gradus.data.JsonTree;
import io.gradus.image.Image;
import io.gradus.image.ImageTransform;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Images of one size.
 *
 * @param channels 1 for grey ones, 3 for colours
 * @param mean of each channel, which is taken away; empty where pixels stay from 0 to 1
 * @param deviation of each channel, which it is divided by
 * @param levels pixels become that many different tokens, row by row; 0 where they stay numbers
 */
record ImageFormat(
    int channels, int height, int width, List<Float> mean, List<Float> deviation, int levels)
    implements InputFormat {

  static final String KIND = "image";

  private static final int LARGEST = 4096;

  ImageFormat {
    mean = List.copyOf(mean);
    deviation = List.copyOf(deviation);
    if (channels != 1 && channels != 3
        || height < 1
        || width < 1
        || height > LARGEST
        || width > LARGEST
        || levels < 0
        || levels > 256
        || mean.size() != deviation.size()
        || !mean.isEmpty() && mean.size() != channels) {
      throw new IllegalArgumentException(
          "input: no images: " + channels + " channels of " + height + "x" + width);
    }
  }

  static ImageFormat of(JsonTree settings) {
    int channels = Sizes.of(settings.count("channels"));
    boolean normalized = settings.has("mean");
    return new ImageFormat(
        channels,
        Sizes.of(settings.count("height")),
        Sizes.of(settings.count("width")),
        normalized ? floats(settings.tree("mean")) : List.of(),
        normalized ? floats(settings.tree("deviation")) : List.of(),
        Sizes.of(settings.count("levels")));
  }

  private static List<Float> floats(JsonTree numbers) {
    return numbers.numbers().values().stream().map(Double::floatValue).toList();
  }

  @Override
  public JsonTree settings() {
    JsonTree json =
        new JsonTree()
            .put("kind", KIND)
            .put("channels", (long) channels)
            .put("height", (long) height)
            .put("width", (long) width)
            .put("levels", (long) levels);
    return mean.isEmpty() ? json : json.put("mean", tree(mean)).put("deviation", tree(deviation));
  }

  private static JsonTree tree(List<Float> values) {
    JsonTree json = new JsonTree();
    for (int channel = 0; channel < values.size(); channel++) {
      json.put(Integer.toString(channel), values.get(channel).doubleValue());
    }
    return json;
  }

  int pixels() {
    return channels * height * width;
  }

  /** What brings any image to the size: its shorter side, and of the longer one the middle. */
  ImageTransform fit() {
    ImageTransform resized =
        height == width ? ImageTransform.resize(height) : ImageTransform.resize(height, width);
    ImageTransform cropped = ImageTransform.centerCrop(height, width);
    Seed none = Seed.of(0);
    return (image, seed) -> {
      Image same = channels == 1 ? image.toGrayscale() : image.toRgb();
      return same.height() == height && same.width() == width
          ? same
          : cropped.apply(resized.apply(same, none), none);
    };
  }

  /** Behind the size: what the network sees. */
  ImageTransform normalize() {
    if (mean.isEmpty()) {
      return (image, seed) -> image;
    }
    return ImageTransform.normalize(array(mean), array(deviation));
  }

  private static float[] array(List<Float> values) {
    float[] array = new float[values.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = values.get(i);
    }
    return array;
  }

  /** A picture as a batch of one. */
  Tensor input(Image picture) {
    Image fitted = normalize().apply(fit().apply(picture, Seed.of(0)), Seed.of(0));
    return levels == 0
        ? Tensor.of(fitted.pixels(), 1, channels, height, width)
        : Tensor.of(tokens(fitted), 1, pixels());
  }

  /** Each pixel as a token. */
  int[] tokens(Image image) {
    float[] pixels = image.pixels();
    int[] tokens = new int[pixels.length];
    for (int i = 0; i < tokens.length; i++) {
      float level = Math.max(0, Math.min(1, pixels[i])) * (levels - 1);
      tokens[i] = Math.round(level);
    }
    return tokens;
  }

  /** The same with the mean and the deviation of images of this size. */
  ImageFormat normalized(List<Image> images) {
    List<Float> means = new ArrayList<>();
    List<Float> deviations = new ArrayList<>();
    int n = height * width;
    for (int channel = 0; channel < channels; channel++) {
      double sum = 0;
      double squares = 0;
      for (Image image : images) {
        for (int i = channel * n; i < (channel + 1) * n; i++) {
          double pixel = image.pixels()[i];
          sum += pixel;
          squares += pixel * pixel;
        }
      }
      double count = (double) images.size() * n;
      double mean = sum / count;
      double deviation = Math.sqrt(Math.max(0, squares / count - mean * mean));
      means.add((float) mean);
      deviations.add(deviation < 1e-6 ? 1 : (float) deviation); // all of one colour
    }
    return new ImageFormat(channels, height, width, means, deviations, levels);
  }
}
