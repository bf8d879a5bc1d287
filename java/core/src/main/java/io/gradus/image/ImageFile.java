package io.gradus.image;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Reads pictures through ImageIO: PNG, JPEG, GIF, BMP, WBMP and TIFF, and what plugins on the class
 * path can read in addition: TwelveMonkeys' {@code com.twelvemonkeys.imageio:imageio-webp} and
 * {@code imageio-jpeg}, the latter also for JPEG in CMYK. They need only be there.
 */
public final class ImageFile {

  private static final int MAX_BYTES = 1 << 28;

  private ImageFile() {}

  /** The endings of the files that can be read, in lower case and without a dot. */
  public static Set<String> endings() {
    Set<String> endings = new TreeSet<>();
    for (String ending : ImageIO.getReaderFileSuffixes()) {
      endings.add(ending.toLowerCase(Locale.ROOT));
    }
    endings.remove("");
    return endings;
  }

  /**
   * Reads a picture: with one channel where it is gray, else red, green and blue; numbers from 0 to
   * 1. Transparency is left out. Of several pictures in a file it is the first.
   *
   * @throws IOException that names the file where it cannot be read
   */
  public static Image read(Path file) throws IOException {
    return read(file, content(file));
  }

  private static byte[] content(Path file) throws IOException {
    // The JDK's own exceptions have the bare path for a message, which tells a user nothing.
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          "image: " + (Files.exists(file) ? "not a regular file: " : "no such file: ") + file);
    }
    if (!Files.isReadable(file)) {
      throw new IOException("image: no permission to read: " + file);
    }
    if (Files.size(file) > MAX_BYTES) {
      throw error(file, "it has " + Files.size(file) + " bytes, more than 256 MiB", null);
    }
    return Files.readAllBytes(file);
  }

  private static Image read(Path file, byte... content) throws IOException {
    // In memory, for ImageIO would make a temporary file for each stream.
    try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(content))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        String reason =
            content.length == 0 ? "it is empty" : "no picture of a format that is known";
        throw error(file, reason + "; known are " + endings(), null);
      }
      ImageReader reader = readers.next();
      try {
        return read(file, reader, in);
      } finally {
        reader.dispose();
      }
    }
  }

  private static Image read(Path file, ImageReader reader, ImageInputStream in) throws IOException {
    try {
      String[] cut = new String[1];
      // Of a JPEG that ends too early, the JDK makes a picture that is gray below, and warns.
      reader.addIIOReadWarningListener(
          (source, warning) -> {
            if (warning.toLowerCase(Locale.ROOT).contains("premature")) {
              cut[0] = warning;
            }
          });
      reader.setInput(in, true, true);
      checkSize(file, reader.getWidth(0), reader.getHeight(0));
      BufferedImage picture = reader.read(0);
      if (cut[0] != null) {
        throw error(file, "it is cut short (" + cut[0] + "); get the file again", null);
      }
      return image(picture);
    } catch (IOException e) {
      throw e.getMessage() != null && e.getMessage().startsWith("image: ")
          ? e
          : error(file, "it is broken (" + e.getMessage() + "); get the file again", e);
    } catch (RuntimeException e) {
      // What ImageIO's readers throw at bytes that they do not expect is anything.
      throw error(file, "it is broken (" + e + "); get the file again", e);
    }
  }

  /** A few bytes can claim a picture of any size. */
  private static void checkSize(Path file, int width, int height) throws IOException {
    // Sixteen bytes a pixel, in the picture and in the numbers, and those on several threads.
    long most = Math.min(1 << 26, Runtime.getRuntime().maxMemory() / 64);
    if (width < 1 || height < 1 || (long) width * height > most) {
      throw error(
          file,
          "it says " + width + "x" + height + "; at most " + most + " pixels can be read",
          null);
    }
  }

  private static IOException error(Path file, String reason, Exception cause) {
    return new IOException("image: cannot read " + file + ": " + reason, cause);
  }

  private static Image image(BufferedImage picture) {
    int width = picture.getWidth();
    int height = picture.getHeight();
    ColorModel colors = picture.getColorModel();
    Raster raster = picture.getRaster();
    boolean plain =
        !(colors instanceof IndexColorModel)
            && raster.getNumBands() <= 4
            && (raster.getTransferType() == DataBuffer.TYPE_BYTE
                || raster.getTransferType() == DataBuffer.TYPE_USHORT
                || raster.getTransferType() == DataBuffer.TYPE_INT);
    // Not getRGB for gray: Java takes its numbers for linear and brightens them.
    return plain ? samples(raster, colors) : rgb(picture, width, height);
  }

  private static Image samples(Raster raster, ColorModel colors) {
    int bands = raster.getNumBands(); // with a transparency or without
    int channels = bands < 3 ? 1 : 3;
    int width = raster.getWidth();
    int n = width * raster.getHeight();
    float[] pixels = new float[channels * n];
    int[] row = new int[bands * width];
    for (int y = 0; y < raster.getHeight(); y++) {
      raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
      for (int c = 0; c < channels; c++) {
        float brightest = (1 << colors.getComponentSize(c)) - 1;
        for (int x = 0; x < width; x++) {
          pixels[c * n + y * width + x] = row[x * bands + c] / brightest;
        }
      }
    }
    return new Image(channels, raster.getHeight(), width, pixels);
  }

  private static Image rgb(BufferedImage picture, int width, int height) {
    int n = width * height;
    int[] argb = picture.getRGB(0, 0, width, height, null, 0, width);
    float[] pixels = new float[3 * n];
    for (int c = 0; c < 3; c++) {
      int shift = 16 - 8 * c;
      for (int i = 0; i < n; i++) {
        pixels[c * n + i] = (argb[i] >> shift & 0xff) / 255f;
      }
    }
    return new Image(3, height, width, pixels);
  }
}
