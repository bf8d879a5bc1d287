package io.gradus.cli;

import io.gradus.data.Cifar;
import io.gradus.data.IdxFolder;
import io.gradus.data.ImageDataset;
import io.gradus.data.ImageFolder;
import io.gradus.data.Splits;
import io.gradus.image.Image;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Images of classes as they were found, to learn from and to test.
 *
 * @param name for people
 * @param side the size that they have unless another is asked for; 0 for that of the first
 */
record ImageSource(
    String name, ImageDataset train, ImageDataset test, List<String> classes, int side) {

  private static final double TEST_SHARE = 0.2;
  private static final int FOLDER_SIDE = 64; // pictures of a folder have any size

  /** The digits, or what there is in a folder. */
  static ImageSource open(Path folder, boolean gray) throws IOException {
    if (folder == null) {
      return Digits.load();
    }
    checkFolder(folder);
    String name = folder.toAbsolutePath().normalize().getFileName().toString();
    List<String> files = names(folder);
    if (files.stream().anyMatch(f -> f.startsWith("train-images") || f.startsWith("t10k-"))) {
      IdxFolder idx = IdxFolder.read(folder);
      return numbered(name, idx.train(), idx.test());
    }
    if (files.contains("data_batch_1.bin") || files.contains("test_batch.bin")) {
      Cifar cifar = Cifar.read10(folder);
      return new ImageSource(name, cifar.train(), cifar.test(), Cifar.CIFAR10.names(), 0);
    }
    if (files.contains("train.bin") || files.contains("test.bin")) {
      Cifar cifar = Cifar.read100(folder, Cifar.Labels.FINE);
      return new ImageSource(name, cifar.train(), cifar.test(), numbered(100), 0);
    }
    if (Files.isDirectory(folder.resolve("train")) && Files.isDirectory(folder.resolve("test"))) {
      ImageFolder train = pictures(folder.resolve("train"), gray);
      ImageFolder test = pictures(folder.resolve("test"), gray);
      List<String> classes = train.categories().names();
      return new ImageSource(
          name, train, Renamed.of(test, test.categories().names(), classes), classes, FOLDER_SIDE);
    }
    try (Stream<Path> children = Files.list(folder)) {
      if (children.noneMatch(Files::isDirectory)) {
        throw new IOException(
            "data: no images to learn from in "
                + folder
                + ": looked for train-images-idx3-ubyte as of MNIST, data_batch_1.bin and train.bin"
                + " as of CIFAR, and a folder of pictures for each class");
      }
    }
    ImageFolder all = pictures(folder, gray);
    return split(name, all, all.categories().names());
  }

  /** What there is in a folder to test a network that knows these classes. */
  static ImageSource openTest(Path folder, boolean gray, List<String> classes) throws IOException {
    checkFolder(folder);
    boolean isOneFolder =
        names(folder).stream().noneMatch(f -> f.contains("-ubyte") || f.endsWith(".bin"))
            && !Files.isDirectory(folder.resolve("test"));
    if (isOneFolder) {
      ImageFolder all = pictures(folder, gray);
      String name = folder.toAbsolutePath().normalize().getFileName().toString();
      ImageDataset test = Renamed.of(all, all.categories().names(), classes);
      return new ImageSource(name, test, test, classes, FOLDER_SIDE);
    }
    ImageSource source = open(folder, gray);
    ImageDataset test = Renamed.of(source.test, source.classes, classes);
    return new ImageSource(source.name, test, test, classes, source.side);
  }

  private static void checkFolder(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException(
          "data: " + (Files.exists(folder) ? "not a directory: " : "no such directory: ") + folder);
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  private static ImageFolder pictures(Path folder, boolean gray) throws IOException {
    ImageFolder pictures = ImageFolder.open(folder);
    return gray ? pictures.grayscale() : pictures;
  }

  private static ImageSource numbered(String name, ImageDataset train, ImageDataset test) {
    long most = 0;
    for (long label : train.classes()) {
      most = Math.max(most, label);
    }
    return new ImageSource(name, train, test, numbered((int) most + 1), 0);
  }

  /** Names for classes that have none. */
  static List<String> numbered(int classes) {
    return IntStream.range(0, classes).mapToObj(String::valueOf).toList();
  }

  /** As the digits, always the same way. */
  private static ImageSource split(String name, ImageDataset all, List<String> classes)
      throws IOException {
    List<long[]> parts = Splits.stratified(all.classes(), Seed.of(0), 1 - TEST_SHARE, TEST_SHARE);
    if (parts.get(1).length == 0) {
      throw new IOException("data: too few images to hold some out for a test: " + all.size());
    }
    return new ImageSource(
        name, Part.of(all, parts.get(0)), Part.of(all, parts.get(1)), classes, FOLDER_SIDE);
  }

  /** Some images of another data set. */
  record Part(ImageDataset whole, long[] indices) implements ImageDataset {

    static ImageDataset of(ImageDataset whole, long... indices) {
      return new Part(whole, indices);
    }

    @Override
    public long size() {
      return indices.length;
    }

    @Override
    public Image image(long index, Seed seed) throws IOException {
      return whole.image(indices[(int) index], seed);
    }

    @Override
    public long label(long index) {
      return whole.label(indices[(int) index]);
    }

    @Override
    public String name(long index) {
      return whole.name(indices[(int) index]);
    }
  }

  /** Images whose classes have other numbers. */
  private record Renamed(ImageDataset images, long[] numbers) implements ImageDataset {

    static ImageDataset of(ImageDataset images, List<String> own, List<String> known)
        throws IOException {
      if (own.equals(known)) {
        return images;
      }
      long[] numbers = new long[own.size()];
      List<String> unknown = new ArrayList<>();
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = known.indexOf(own.get(i));
        if (numbers[i] < 0) {
          unknown.add(own.get(i));
        }
      }
      if (!unknown.isEmpty()) {
        throw new IOException(
            "data: the network does not know these classes: " + unknown + "; it knows " + known);
      }
      return new Renamed(images, numbers);
    }

    @Override
    public long size() {
      return images.size();
    }

    @Override
    public Image image(long index, Seed seed) throws IOException {
      return images.image(index, seed);
    }

    @Override
    public long label(long index) {
      return numbers[(int) images.label(index)];
    }

    @Override
    public String name(long index) {
      return images.name(index);
    }
  }
}
