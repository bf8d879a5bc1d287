package io.gradus.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/** Writes a small data set in IDX files: images of which pixel k is bright in class k. */
final class IdxFiles {

  private static final int HEIGHT = 3;
  private static final int WIDTH = 2;
  static final int CLASSES = 4;

  private IdxFiles() {}

  static void write(Path folder) throws IOException {
    write(folder, "-", "");
  }

  /** With the separator before {@code idx} and the ending that copies of MNIST differ in. */
  static void write(Path folder, String separator, String ending) throws IOException {
    write(folder, separator, ending, HEIGHT, WIDTH, CLASSES);
  }

  /** With other sizes. */
  static void write(Path folder, int height, int width, int classes) throws IOException {
    write(folder, "-", "", height, width, classes);
  }

  private static void write(
      Path folder, String separator, String ending, int height, int width, int classes)
      throws IOException {
    part(folder, "train", separator, ending, new int[] {120, height, width}, classes);
    part(folder, "t10k", separator, ending, new int[] {40, height, width}, classes);
  }

  private static void part(
      Path folder, String part, String separator, String ending, int[] sizes, int classes)
      throws IOException {
    int count = sizes[0];
    int pixels = sizes[1] * sizes[2];
    byte[] labels = new byte[count];
    byte[] images = new byte[count * pixels];
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) (i % classes);
      images[i * pixels + labels[i]] = (byte) 255;
    }
    file(folder.resolve(part + "-images" + separator + "idx3-ubyte" + ending), images, sizes);
    file(folder.resolve(part + "-labels" + separator + "idx1-ubyte" + ending), labels, count);
  }

  static void file(Path path, byte[] data, int... sizes) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(4 + 4 * sizes.length);
    header.put(new byte[] {0, 0, 8, (byte) sizes.length});
    for (int size : sizes) {
      header.putInt(size);
    }
    var bytes = new ByteArrayOutputStream();
    try (OutputStream out = path.toString().endsWith(".gz") ? new GZIPOutputStream(bytes) : bytes) {
      out.write(header.array());
      out.write(data);
    }
    Files.write(path, bytes.toByteArray());
  }
}
