package io.gradus.data;

import io.gradus.image.Image;
import io.gradus.image.ImageFile;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A folder with a folder of pictures for each class, each picture read when it is needed.
 *
 * <pre>
 * flowers/daisy/1.jpg
 * flowers/daisy/2.jpg
 * flowers/rose/1.png
 * </pre>
 *
 * <p>The classes are numbered in the order of their names. Pictures may lie deeper; files of other
 * endings, and what begins with a dot, do not count. Pictures have three channels unless {@link
 * #grayscale} is asked for. Formats beyond those of the JDK come with ImageIO plugins, see {@link
 * ImageFile}.
 */
public final class ImageFolder implements ImageDataset {

  private final List<Path> files;
  private final int[] labels;
  private final Categories classes;
  private final boolean gray;

  private ImageFolder(List<Path> files, int[] labels, Categories classes, boolean gray) {
    this.files = files;
    this.labels = labels;
    this.classes = classes;
    this.gray = gray;
  }

  /**
   * Looks what there is; the pictures are not read yet.
   *
   * @throws IOException where the folder cannot be read, has no folders, or one of them no pictures
   */
  public static ImageFolder open(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException(
          "image folder: "
              + (Files.exists(folder) ? "not a directory: " : "no such directory: ")
              + folder);
    }
    List<Path> folders = children(folder);
    if (folders.isEmpty()) {
      throw new IOException(
          "image folder: no classes: " + folder + " has no folders; it must have one for each");
    }
    Set<String> endings = ImageFile.endings();
    List<Path> files = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (int label = 0; label < folders.size(); label++) {
      List<Path> pictures = pictures(folders.get(label), endings);
      if (pictures.isEmpty()) {
        throw new IOException(
            "image folder: no pictures: "
                + folders.get(label)
                + " has none; known endings are "
                + endings);
      }
      for (Path picture : pictures) {
        files.add(picture);
        labels.add(label);
      }
    }
    Categories classes =
        Categories.of(folders.stream().map(path -> path.getFileName().toString()).toList());
    return new ImageFolder(
        List.copyOf(files), labels.stream().mapToInt(i -> i).toArray(), classes, false);
  }

  private static List<Path> children(Path folder) throws IOException {
    try (Stream<Path> children = Files.list(folder)) {
      return children
          .filter(path -> Files.isDirectory(path) && !isHidden(path))
          .sorted(Comparator.comparing(path -> path.getFileName().toString()))
          .toList();
    } catch (UncheckedIOException e) {
      throw new IOException("image folder: cannot list " + folder + ": " + e.getMessage(), e);
    }
  }

  private static List<Path> pictures(Path folder, Set<String> endings) throws IOException {
    // The order of a directory differs from one file system to the next.
    Comparator<Path> byName =
        Comparator.comparing(path -> folder.relativize(path).toString().replace('\\', '/'));
    try (Stream<Path> all = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      return all.filter(path -> isPicture(folder.relativize(path), endings))
          .filter(Files::isRegularFile)
          .sorted(byName)
          .toList();
    } catch (UncheckedIOException e) {
      throw new IOException("image folder: cannot list " + folder + ": " + e.getMessage(), e);
    }
  }

  private static boolean isPicture(Path path, Set<String> endings) {
    for (Path part : path) {
      if (isHidden(part)) {
        return false;
      }
    }
    String name = path.getFileName().toString().toLowerCase(Locale.ROOT);
    return endings.contains(name.substring(name.lastIndexOf('.') + 1)) && name.contains(".");
  }

  private static boolean isHidden(Path path) {
    return path.getFileName().toString().startsWith(".");
  }

  /** The same pictures with one channel. */
  public ImageFolder grayscale() {
    return new ImageFolder(files, labels, classes, true);
  }

  /** The names of the classes in the order of their numbers. */
  public Categories categories() {
    return classes;
  }

  /** The files in the order of their numbers. */
  public List<Path> files() {
    return files;
  }

  @Override
  public long size() {
    return files.size();
  }

  @Override
  public Image image(long index, Seed seed) throws IOException {
    Index.check(index, size());
    Image image = ImageFile.read(files.get((int) index));
    return gray ? image.toGrayscale() : image.toRgb();
  }

  @Override
  public long label(long index) {
    return labels[(int) index];
  }

  @Override
  public String name(long index) {
    return files.get((int) index).toString();
  }
}
