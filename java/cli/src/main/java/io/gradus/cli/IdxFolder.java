package io.gradus.cli;

import io.gradus.data.Idx;
import io.gradus.data.TensorDataset;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A folder with the four files of MNIST, Fashion-MNIST and their relatives, gzipped or not. */
final class IdxFolder {

  private IdxFolder() {}

  static ImageData load(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException(
          "data: " + (Files.exists(folder) ? "not a directory: " : "no such directory: ") + folder);
    }
    // All four are looked for before the first is read.
    Path trainImages = find(folder, "train-images", "idx3-ubyte");
    Path trainLabels = find(folder, "train-labels", "idx1-ubyte");
    Path testImages = find(folder, "t10k-images", "idx3-ubyte");
    Path testLabels = find(folder, "t10k-labels", "idx1-ubyte");
    TensorDataset train = read(trainImages, trainLabels);
    TensorDataset test = read(testImages, testLabels);
    check(train, test, folder);
    return new ImageData(folder.toAbsolutePath().normalize().getFileName().toString(), train, test);
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

  private static TensorDataset read(Path imageFile, Path labelFile) throws IOException {
    try (Tensor images = Idx.read(imageFile);
        Tensor labels = Idx.read(labelFile)) {
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
      return TensorDataset.ofImages(images, labels);
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

  private static void check(TensorDataset train, TensorDataset test, Path folder)
      throws IOException {
    if (train.inputs().dim(1) != test.inputs().dim(1)) {
      throw new IOException(
          "data: images to train and to test differ in size: "
              + train.inputs().dim(1)
              + " and "
              + test.inputs().dim(1)
              + " pixels in "
              + folder);
    }
    int known = ImageData.classes(train);
    int tested = ImageData.classes(test);
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
