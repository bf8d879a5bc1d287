package io.gradus.data;

import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The four files of MNIST, Fashion-MNIST and their relatives in a folder, gzipped or not.
 *
 * @param trainImages U8 (n, height, width)
 * @param trainLabels U8 (n)
 * @param testImages U8 (m, height, width)
 * @param testLabels U8 (m), none of them above those to train
 */
public record IdxFolder(
    Tensor trainImages, Tensor trainLabels, Tensor testImages, Tensor testLabels) {

  /** The images to train with, as convolutions take them. */
  public ImageDataset train() {
    return ImageDataset.of(trainImages, trainLabels);
  }

  /** The images to test with, as convolutions take them. */
  public ImageDataset test() {
    return ImageDataset.of(testImages, testLabels);
  }

  /**
   * Reads train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
   * t10k-labels-idx1-ubyte.
   *
   * @throws IOException that names the file where one is missing or broken, or they do not fit
   */
  public static IdxFolder read(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException(
          "data: " + (Files.exists(folder) ? "not a directory: " : "no such directory: ") + folder);
    }
    // All four are looked for before the first is read.
    Path trainImages = find(folder, "train-images", "idx3-ubyte");
    Path trainLabels = find(folder, "train-labels", "idx1-ubyte");
    Path testImages = find(folder, "t10k-images", "idx3-ubyte");
    Path testLabels = find(folder, "t10k-labels", "idx1-ubyte");
    Part train = Part.read(trainImages, trainLabels);
    Part test = Part.read(testImages, testLabels);
    check(train, test, folder);
    return new IdxFolder(train.images, train.labels, test.images, test.labels);
  }

  /** Some copies of MNIST have a dot for the last dash but one: {@code train-images.idx3-ubyte}. */
  private static Path find(Path folder, String part, String type) throws IOException {
    List<String> names = new ArrayList<>();
    for (String separator : new String[] {"-", "."}) {
      for (String ending : new String[] {"", ".gz"}) {
        String name = part + separator + type + ending;
        Path file = folder.resolve(name);
        if (Files.exists(file)) {
          return file;
        }
        names.add(name);
      }
    }
    throw new IOException(
        "data: no " + part + " in " + folder + ": looked for " + String.join(", ", names));
  }

  private record Part(Tensor images, Tensor labels) {

    static Part read(Path imageFile, Path labelFile) throws IOException {
      Tensor images = Idx.read(imageFile);
      Tensor labels = Idx.read(labelFile);
      check(images, "images", 3, imageFile);
      check(labels, "labels", 1, labelFile);
      if (images.dim(0) != labels.dim(0)) {
        throw new IOException(
            "data: images and labels differ in number: "
                + images.dim(0)
                + " in "
                + imageFile
                + ", "
                + labels.dim(0)
                + " in "
                + labelFile);
      }
      return new Part(images, labels);
    }

    long pixels() {
      return images.dim(1) * images.dim(2);
    }

    int classes() {
      int most = 0;
      for (byte label : labels.toBytes()) {
        most = Math.max(most, label & 0xff);
      }
      return most + 1;
    }
  }

  private static void check(Tensor x, String what, int rank, Path file) throws IOException {
    if (x.dtype() != DType.U8 || x.rank() != rank || x.size() == 0) {
      throw new IOException(
          "data: not "
              + what
              + ": "
              + file
              + " has "
              + x.describe()
              + "; needed is u8 with "
              + (rank == 1 ? "one axis" : rank + " axes")
              + " and one element at least");
    }
  }

  private static void check(Part train, Part test, Path folder) throws IOException {
    if (train.pixels() != test.pixels()) {
      throw new IOException(
          "data: images to train and to test differ in size: "
              + train.pixels()
              + " and "
              + test.pixels()
              + " pixels in "
              + folder);
    }
    int known = train.classes();
    int tested = test.classes();
    if (tested > known) {
      throw new IOException(
          "data: the labels to test go up to "
              + (tested - 1)
              + ", those to train to "
              + (known - 1)
              + " in "
              + folder);
    }
  }
}
