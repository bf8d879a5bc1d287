package io.gradus.cli;

import io.gradus.data.IdxFolder;
import io.gradus.data.TensorDataset;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Images to learn from, and others to see what was learned.
 *
 * @param name for people
 */
record ImageData(String name, TensorDataset train, TensorDataset test) {

  /** A folder with the four files of MNIST, Fashion-MNIST and their relatives, gzipped or not. */
  static ImageData ofIdx(Path folder) throws IOException {
    IdxFolder files = IdxFolder.read(folder);
    return new ImageData(
        folder.toAbsolutePath().normalize().getFileName().toString(),
        TensorDataset.ofImages(files.trainImages(), files.trainLabels()),
        TensorDataset.ofImages(files.testImages(), files.testLabels()));
  }

  int pixels() {
    return (int) train.inputs().dim(1);
  }

  int classes() {
    return classes(train);
  }

  /** One more than the largest label. */
  static int classes(TensorDataset data) {
    return (int) Arrays.stream(data.labels().toLongs()).max().orElse(0) + 1;
  }
}
