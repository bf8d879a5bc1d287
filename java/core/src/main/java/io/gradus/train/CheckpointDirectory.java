package io.gradus.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The checkpoints of a training, {@code checkpoint-STEP} each. One has its name only once all its
 * files are on the disk, and loses it before the first of them is removed, so that what has the
 * name is whole, whenever the process was killed or the power went.
 */
final class CheckpointDirectory {

  private static final Pattern NAME = Pattern.compile("checkpoint-(\\d{1,18})");

  /** What is being written or removed; left over, it is of no use. */
  private static final String HIDDEN = ".gradus-checkpoint-";

  private final Path directory;

  CheckpointDirectory(Path directory) {
    this.directory = directory;
  }

  /** Writes the files of a checkpoint. */
  interface Content {
    void writeTo(Path directory) throws IOException;
  }

  /** Makes the directory where it is missing, and removes what a killed process left. */
  void prepare() throws IOException {
    Files.createDirectories(directory);
    for (Path path : list()) {
      if (path.getFileName().toString().startsWith(HIDDEN)) {
        delete(path);
      }
    }
  }

  /** The checkpoints, newest first; none where the directory is missing. */
  List<Path> newestFirst() throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    TreeMap<Long, Path> byStep = new TreeMap<>();
    for (Path path : list()) {
      Matcher name = NAME.matcher(path.getFileName().toString());
      if (name.matches() && Files.isDirectory(path)) {
        byStep.put(Long.parseLong(name.group(1)), path);
      }
    }
    return new ArrayList<>(byStep.descendingMap().values());
  }

  private List<Path> list() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** The checkpoint of a step, whether it is there or not. */
  Path of(long step) {
    return directory.resolve("checkpoint-" + step);
  }

  /**
   * Writes the checkpoint of a step, in the place of one that is there.
   *
   * @throws IOException where that fails; older ones are as they were
   */
  Path write(long step, Content content) throws IOException {
    Path target = of(step);
    Path written = hidden();
    try {
      Files.createDirectory(written);
      content.writeTo(written);
      sync(written);
      remove(target);
      Files.move(written, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException e) {
      try {
        delete(written);
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      if (e instanceof IOException) {
        throw new IOException(
            "checkpoint: writing failed: "
                + target
                + ": "
                + e.getMessage()
                + "; older ones are as"
                + " they were; make room and resume",
            e);
      }
      throw e;
    }
    sync(directory);
    return target;
  }

  private Path hidden() {
    return directory.resolve(HIDDEN + UUID.randomUUID());
  }

  /** Removes the oldest ones that are more than a limit, 0 for none, but never these steps'. */
  void prune(int limit, long... kept) throws IOException {
    List<Path> oldestFirst = new ArrayList<>(newestFirst());
    Collections.reverse(oldestFirst);
    int excess = limit == 0 ? 0 : oldestFirst.size() - limit;
    for (Path path : oldestFirst) {
      boolean keep = false;
      for (long step : kept) {
        keep |= path.equals(of(step));
      }
      if (excess > 0 && !keep) {
        remove(path);
        excess--;
      }
    }
  }

  /** Takes a checkpoint's name away, then its files. */
  void remove(Path checkpoint) throws IOException {
    if (Files.exists(checkpoint)) {
      Path gone = hidden();
      Files.move(checkpoint, gone, StandardCopyOption.ATOMIC_MOVE);
      sync(directory);
      delete(gone);
    }
  }

  private static void delete(Path path) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    Files.walkFileTree(
        path,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path visited, IOException e)
              throws IOException {
            Files.delete(visited);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static void sync(Path directory) {
    try (var channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // Windows opens no directories and some network file systems sync none.
    }
  }
}
