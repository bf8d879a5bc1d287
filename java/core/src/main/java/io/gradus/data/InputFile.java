package io.gradus.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What every reader asks of a path before it opens the file. */
public final class InputFile {

  private InputFile() {}

  /** The JDK's own exceptions have the bare path for a message, which tells a user nothing. */
  public static void check(String reader, Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new IOException(reader + ": no such file: " + file);
    }
    // A pipe or a device would block, or never end.
    if (!Files.isRegularFile(file)) {
      throw new IOException(reader + ": not a regular file: " + file);
    }
    if (!Files.isReadable(file)) {
      throw new IOException(reader + ": no permission to read: " + file);
    }
  }
}
