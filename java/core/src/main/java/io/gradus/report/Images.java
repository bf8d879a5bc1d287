package io.gradus.report;

import io.gradus.data.OutputFile;
import io.gradus.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Writes tensors as pictures: images in a grid, and maps of how much each pixel counts. */
public final class Images {

  private static final int GAP = 2; // pixels between images
  private static final int MAX_PIXELS = 1 << 28;

  /** Images of one size. */
  private record Batch(int n, int channels, int height, int width, float[] values) {

    static Batch of(String op, Tensor x) {
      int rank = x.rank();
      if (rank < 2 || rank > 4 || !x.dtype().isFloating() || x.size() == 0) {
        throw new IllegalArgumentException(
            op
                + ": images must be (n, c, h, w), (c, h, w) or (h, w), floating and not empty: "
                + x.describe());
      }
      return new Batch(
          rank < 4 ? 1 : Math.toIntExact(x.dim(0)),
          rank < 3 ? 1 : Math.toIntExact(x.dim(-3)),
          Math.toIntExact(x.dim(-2)),
          Math.toIntExact(x.dim(-1)),
          x.toFloats());
    }

    float at(int image, int channel, int y, int x) {
      return values[((image * channels + channel) * height + y) * width + x];
    }
  }

  /** The colour of a pixel of an image, as 0xrrggbb. */
  private interface Pixel {
    int color(int image, int y, int x);
  }

  private Images() {}

  /**
   * Writes images as a PNG file, side by side in rows.
   *
   * @param images (n, c, h, w), (c, h, w) or (h, w) with c = 1 (grey) or 3 (red, green, blue), of a
   *     floating type, from 0 (dark) to 1; what lies outside is cut, and NaN is dark
   * @param columns how many stand in a row
   * @param scale how many pixels wide and high each pixel becomes
   * @throws IllegalArgumentException where the shape is another
   * @throws IOException where writing fails; a file that was there before is unchanged
   */
  public static void grid(Path file, Tensor images, int columns, int scale) throws IOException {
    Batch batch = Batch.of("grid", images);
    if (batch.channels() != 1 && batch.channels() != 3) {
      throw new IllegalArgumentException(
          "grid: images must have 1 or 3 channels: " + images.describe());
    }
    int green = batch.channels() / 2;
    int blue = batch.channels() - 1;
    write(
        "grid",
        file,
        batch,
        columns,
        scale,
        (image, y, x) ->
            level(batch.at(image, 0, y, x)) << 16
                | level(batch.at(image, green, y, x)) << 8
                | level(batch.at(image, blue, y, x)));
  }

  /**
   * Writes how much each pixel counts as a PNG file: red where it speaks for something, blue where
   * against it, white where it does not count. Channels are summed; in each map, the largest
   * magnitude has the full colour.
   *
   * @param values (n, c, h, w), (c, h, w) or (h, w), of a floating type, as {@link Attribution}
   *     gives them
   * @param columns how many maps stand in a row
   * @param scale how many pixels wide and high each pixel becomes
   * @throws IllegalArgumentException where the shape is another
   * @throws IOException where writing fails; a file that was there before is unchanged
   */
  public static void heatMap(Path file, Tensor values, int columns, int scale) throws IOException {
    Batch batch = Batch.of("heatMap", values);
    float[][] sums = new float[batch.n()][batch.height() * batch.width()];
    float[] largest = new float[batch.n()];
    for (int image = 0; image < batch.n(); image++) {
      for (int i = 0; i < sums[image].length; i++) {
        for (int c = 0; c < batch.channels(); c++) {
          sums[image][i] += batch.at(image, c, i / batch.width(), i % batch.width());
        }
        if (Float.isFinite(sums[image][i])) {
          largest[image] = Math.max(largest[image], Math.abs(sums[image][i]));
        }
      }
    }
    write(
        "heatMap",
        file,
        batch,
        columns,
        scale,
        (image, y, x) -> signed(sums[image][y * batch.width() + x] / largest[image]));
  }

  /** White at 0, red at 1, blue at -1; white where nothing counts, which makes 0 / 0. */
  private static int signed(float value) {
    int faint = 255 - level(Math.abs(value));
    return value < 0 ? faint << 16 | faint << 8 | 255 : 255 << 16 | faint << 8 | faint;
  }

  private static int level(float value) {
    return Math.round(255 * Math.max(0, Math.min(1, Float.isNaN(value) ? 0 : value)));
  }

  private static void write(String op, Path file, Batch batch, int columns, int scale, Pixel pixel)
      throws IOException {
    if (columns < 1 || scale < 1) {
      throw new IllegalArgumentException(
          op + ": columns and scale must be positive: " + columns + " and " + scale);
    }
    int across = Math.min(columns, batch.n());
    int down = (batch.n() - 1) / across + 1;
    long width = across * ((long) batch.width() * scale + GAP) - GAP;
    long height = down * ((long) batch.height() * scale + GAP) - GAP;
    if (width > MAX_PIXELS || height > MAX_PIXELS || width * height > MAX_PIXELS) {
      throw new IllegalArgumentException(
          op + ": the picture would be too large: " + width + "x" + height + " pixels");
    }
    BufferedImage picture =
        new BufferedImage((int) width, (int) height, BufferedImage.TYPE_INT_RGB);
    int[] row = new int[(int) width];
    for (int y = 0; y < height; y++) {
      Arrays.fill(row, 0x808080);
      int inRow = y % (batch.height() * scale + GAP) / scale;
      for (int x = 0; x < width && inRow < batch.height(); x++) {
        int image = y / (batch.height() * scale + GAP) * across + x / (batch.width() * scale + GAP);
        int inColumn = x % (batch.width() * scale + GAP) / scale;
        if (image < batch.n() && inColumn < batch.width()) {
          row[x] = pixel.color(image, inRow, inColumn);
        }
      }
      picture.setRGB(0, y, (int) width, 1, row, 0, (int) width);
    }
    save(op, file, picture);
  }

  private static void save(String op, Path file, BufferedImage picture) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (var out = new MemoryCacheImageOutputStream(bytes)) {
      ImageIO.write(picture, "png", out);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes.toByteArray());
    OutputFile.replace(
        op,
        file,
        out -> {
          while (buffer.hasRemaining()) {
            out.write(buffer);
          }
        });
  }
}
