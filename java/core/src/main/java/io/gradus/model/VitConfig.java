package io.gradus.model;

import io.gradus.data.ConfigFile;
import java.io.IOException;
import java.nio.file.Path;

/**
 * What a {@link Vit} is made of.
 *
 * @param height of the images
 * @param imageWidth their width
 * @param channels of an image: 3 for colours
 * @param patch the height and width of a patch, which divides those of the images
 * @param width the size of a patch's vector between the blocks
 * @param layers the number of blocks
 * @param heads the number of attention heads, which divides the width
 * @param hidden the size inside a feed-forward part
 * @param classes how many
 * @param normEpsilon keeps a norm's division finite
 * @param dropout the probability behind the embeddings, in attention and behind each part
 */
public record VitConfig(
    int height,
    int imageWidth,
    int channels,
    int patch,
    int width,
    int layers,
    int heads,
    int hidden,
    int classes,
    double normEpsilon,
    double dropout) {

  /** Checks that the sizes fit together. */
  public VitConfig {
    check(patch >= 1, "patch", "must be positive", patch);
    check(height >= 1 && height % patch == 0, "height", "must be of patches of " + patch, height);
    check(
        imageWidth >= 1 && imageWidth % patch == 0,
        "imageWidth",
        "must be of patches of " + patch,
        imageWidth);
    check(channels >= 1, "channels", "must be positive", channels);
    check(width >= 1, "width", "must be positive", width);
    check(layers >= 1, "layers", "must be positive", layers);
    check(heads >= 1 && width % heads == 0, "heads", "must divide the width " + width, heads);
    check(hidden >= 1, "hidden", "must be positive", hidden);
    check(classes >= 1, "classes", "must be positive", classes);
    check(normEpsilon > 0 && normEpsilon < 1, "normEpsilon", "must lie in (0, 1)", normEpsilon);
    check(dropout >= 0 && dropout < 1, "dropout", "must lie in [0, 1)", dropout);
  }

  private static void check(boolean right, String name, String rule, Object value) {
    if (!right) {
      throw new IllegalArgumentException("vit: " + name + " " + rule + ": " + value);
    }
  }

  /** ViT-B/16 for images of 224: 12 layers of 768, 86 million parameters. */
  public static VitConfig base(int classes) {
    return new VitConfig(224, 224, 3, 16, 768, 12, 12, 3072, classes, 1e-12, 0);
  }

  /** A small one for square images of a size, with hidden parts four times as wide. */
  public static VitConfig of(
      int size, int channels, int patch, int width, int layers, int heads, int classes) {
    return new VitConfig(
        size, size, channels, patch, width, layers, heads, 4 * width, classes, 1e-12, 0);
  }

  /** With another probability of dropout. */
  public VitConfig withDropout(double dropout) {
    return of(values().replace("dropout", dropout));
  }

  /** The number of patches of an image. */
  public int patches() {
    return (height / patch) * (imageWidth / patch);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IOException where the file is missing, broken or describes no model
   */
  public static VitConfig read(Path file) throws IOException {
    return ConfigFile.read(file, "vit", VitConfig::of);
  }

  /** Writes the configuration as JSON, {@code {"type": "vit", "height": 224, ...}}. */
  public void write(Path file) throws IOException {
    values().write(file);
  }

  private ConfigFile values() {
    return new ConfigFile("vit")
        .put("height", height)
        .put("imageWidth", imageWidth)
        .put("channels", channels)
        .put("patch", patch)
        .put("width", width)
        .put("layers", layers)
        .put("heads", heads)
        .put("hidden", hidden)
        .put("classes", classes)
        .put("normEpsilon", normEpsilon)
        .put("dropout", dropout);
  }

  private static VitConfig of(ConfigFile values) {
    return new VitConfig(
        values.integer("height"),
        values.integer("imageWidth"),
        values.integer("channels"),
        values.integer("patch"),
        values.integer("width"),
        values.integer("layers"),
        values.integer("heads"),
        values.integer("hidden"),
        values.integer("classes"),
        values.number("normEpsilon"),
        values.number("dropout"));
  }
}
