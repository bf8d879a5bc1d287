package io.gradus.data;

import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Reads CIFAR-10 and CIFAR-100 in their binary version: images of 32x32 pixels in color (<a
 * href="https://www.cs.toronto.edu/~kriz/cifar.html">Krizhevsky 2009</a>).
 *
 * @param train 50,000 images as published
 * @param test 10,000 images as published
 */
public record Cifar(ImageDataset train, ImageDataset test) {

  private static final int PIXELS = 3 * 32 * 32;

  /** The classes of CIFAR-10 in the order of their numbers. */
  public static final Categories CIFAR10 =
      Categories.of(
          List.of(
              "airplane",
              "automobile",
              "bird",
              "cat",
              "deer",
              "dog",
              "frog",
              "horse",
              "ship",
              "truck"));

  /** Which of the two labels of CIFAR-100 is the class. */
  public enum Labels {
    /** 20 classes. */
    COARSE,
    /** 100 classes. */
    FINE
  }

  /**
   * Reads the folder {@code cifar-10-batches-bin}: data_batch_1.bin to data_batch_5.bin and
   * test_batch.bin.
   *
   * @throws IOException that names the file where one is missing, has no whole number of images, or
   *     an unknown label
   */
  public static Cifar read10(Path folder) throws IOException {
    List<Path> train =
        IntStream.rangeClosed(1, 5)
            .mapToObj(i -> folder.resolve("data_batch_" + i + ".bin"))
            .toList();
    return new Cifar(
        read(train, 1, 0, 10), read(List.of(folder.resolve("test_batch.bin")), 1, 0, 10));
  }

  /**
   * Reads the folder {@code cifar-100-binary}: train.bin and test.bin.
   *
   * @throws IOException that names the file where one is missing, has no whole number of images, or
   *     an unknown label
   */
  public static Cifar read100(Path folder, Labels labels) throws IOException {
    int at = labels == Labels.COARSE ? 0 : 1;
    int classes = labels == Labels.COARSE ? 20 : 100;
    return new Cifar(
        read(List.of(folder.resolve("train.bin")), 2, at, classes),
        read(List.of(folder.resolve("test.bin")), 2, at, classes));
  }

  private static ImageDataset read(List<Path> files, int head, int at, int classes)
      throws IOException {
    long images = 0;
    for (Path file : files) {
      images += count(file, head + PIXELS);
    }
    long[] labels = new long[Math.toIntExact(images)];
    Tensor pixels = Tensor.empty(Shape.of(images, 3, 32, 32), DType.U8, Device.cpu());
    try {
      int image = 0;
      for (Path file : files) {
        image = read(file, head, at, classes, labels, pixels, image);
      }
      return ImageDataset.of(pixels, Tensor.of(labels));
    } catch (IOException | RuntimeException e) {
      pixels.close();
      throw e;
    }
  }

  private static long count(Path file, int record) throws IOException {
    InputFile.check("cifar", file);
    long bytes = Files.size(file);
    if (bytes == 0 || bytes % record != 0) {
      throw new IOException(
          "cifar: not whole images: "
              + file
              + " has "
              + bytes
              + " bytes; an image has "
              + record
              + ", get the file again");
    }
    return bytes / record;
  }

  private static int read(
      Path file, int head, int at, int classes, long[] labels, Tensor pixels, int first)
      throws IOException {
    int image = first;
    try (InputStream in = Files.newInputStream(file)) {
      ByteBuffer direct = ByteBuffer.allocateDirect(PIXELS);
      for (byte[] record = in.readNBytes(head + PIXELS);
          record.length > 0;
          record = in.readNBytes(head + PIXELS)) {
        if (record.length < head + PIXELS || image == labels.length) {
          throw new IOException("cifar: changed while it was read: " + file);
        }
        int label = record[at] & 0xff;
        if (label >= classes) {
          throw new IOException(
              "cifar: unknown label: "
                  + file
                  + " has "
                  + label
                  + " for image "
                  + (image - first)
                  + "; there are "
                  + classes
                  + " classes");
        }
        labels[image] = label;
        pixels.copyFrom(direct.clear().put(record, head, PIXELS).flip(), (long) image * PIXELS);
        image++;
      }
    }
    return image;
  }
}
