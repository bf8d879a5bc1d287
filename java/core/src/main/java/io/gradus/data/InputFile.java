package io.gradus.data;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

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

  /** The file's bytes after {@link #check}, unpacked where they are gzipped. */
  static InputStream open(String reader, Path file) throws IOException {
    check(reader, file);
    var in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    try {
      in.mark(2);
      // The content tells, not the name: browsers unpack a download and leave the .gz in its name.
      boolean gzipped = in.read() == 0x1f && in.read() == 0x8b;
      in.reset();
      return gzipped ? new GZIPInputStream(in, 1 << 16) : in;
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  /** Decodes UTF-8 and refuses what is none, where Java's readers would put question marks. */
  static CharsetDecoder utf8() {
    return StandardCharsets.UTF_8
        .newDecoder()
        .onMalformedInput(CodingErrorAction.REPORT)
        .onUnmappableCharacter(CodingErrorAction.REPORT);
  }
}
