package io.gradus.data;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** Replaces a file as a whole or, when anything fails, leaves the old one as it is. */
public final class OutputFile {

  private OutputFile() {}

  /** Writes what a file shall have. */
  public interface Content {
    void writeTo(FileChannel out) throws IOException;
  }

  /** Writes a new file and puts it in the place of the old one; errors begin with the writer. */
  public static void replace(String writer, Path file, Content content) throws IOException {
    // A rename over a link would replace the link and not the file behind it.
    Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      throw new IOException(writer + ": not a regular file: " + file);
    }
    Path directory = target.getParent();
    if (!Files.isDirectory(directory)) {
      throw new IOException(writer + ": no such directory: " + directory + "; make it first");
    }
    if (!Files.isWritable(directory)) {
      throw new IOException(writer + ": no permission to write in: " + directory);
    }
    // In the same directory, because a rename is atomic only within one file system.
    Path temporary = directory.resolve(".gradus-" + UUID.randomUUID() + ".tmp");
    try {
      try (var out =
          FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        content.writeTo(out);
        out.force(true);
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      String reason = file + ": " + e.getMessage() + "; what stood there before is untouched";
      throw new IOException(writer + ": writing failed: " + reason, e);
    } finally {
      Files.deleteIfExists(temporary);
    }
    syncDirectory(directory);
  }

  /** Without it, power lost within the next seconds could bring the old file back. */
  private static void syncDirectory(Path directory) {
    try (var channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // Windows opens no directories and some network file systems sync none: either file is whole.
    }
  }
}
