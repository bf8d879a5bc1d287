package io.gradus.cli;

import io.gradus.data.InputFile;
import io.gradus.data.Tokens;
import io.gradus.hub.BpeTrainer;
import io.gradus.hub.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/** Text to learn from: files of any size, or the book that ships with Gradus. */
final class TextSource {

  private static final String RESOURCE = "moby-dick.txt.gz";

  private final String name;
  private final String book; // null where there are files
  private final List<Path> files;
  private final long bytes;

  private TextSource(String name, String book, List<Path> files, long bytes) {
    this.name = name;
    this.book = book;
    this.files = files;
    this.bytes = bytes;
  }

  static TextSource mobyDick() throws IOException {
    try (InputStream in = new GZIPInputStream(TextSource.class.getResourceAsStream(RESOURCE))) {
      byte[] text = in.readAllBytes();
      return new TextSource(
          "Moby-Dick", new String(text, StandardCharsets.UTF_8), List.of(), text.length);
    }
  }

  /** Files, and all files of folders in the order of their names. */
  static TextSource of(List<Path> paths) throws IOException {
    List<Path> files = new ArrayList<>();
    long bytes = 0;
    for (Path path : paths) {
      for (Path file : Files.isDirectory(path) ? within(path) : List.of(path)) {
        InputFile.check("text", file);
        if (Files.size(file) > 0) {
          files.add(file);
          bytes += Files.size(file);
        } else if (file == path) {
          throw new IOException("text: the file is empty: " + file + "; leave it out");
        }
      }
    }
    if (files.isEmpty()) {
      throw new IOException("text: there is none in " + paths.get(0) + "; name a file of text");
    }
    String name = files.size() == 1 ? files.get(0).toString() : files.size() + " files";
    return new TextSource(name, null, files, bytes);
  }

  private static List<Path> within(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile)
          .filter(file -> !file.getFileName().toString().startsWith("."))
          .sorted()
          .toList();
    }
  }

  String name() {
    return name;
  }

  long bytes() {
    return bytes;
  }

  /** All of it at once. */
  String text() throws IOException {
    StringBuilder all = new StringBuilder(book == null ? "" : book);
    for (Path file : files) {
      try {
        all.append(Files.readString(file));
      } catch (CharacterCodingException e) {
        throw new IOException("text: not UTF-8: " + file, e);
      }
    }
    return all.toString();
  }

  void addTo(BpeTrainer trainer) throws IOException {
    if (book != null) {
      trainer.add(book);
    }
    for (Path file : files) {
      trainer.add(file);
    }
  }

  /** Hands on all ids, with the token that ends a text behind each file where there is one. */
  void encode(Tokenizer tokenizer, OptionalInt end, Tokens.Sink to) throws IOException {
    if (book != null) {
      to.add(tokenizer.encode(book));
      if (end.isPresent()) {
        to.add(end.getAsInt());
      }
    }
    for (Path file : files) {
      encode(file, tokenizer, to);
      if (end.isPresent()) {
        to.add(end.getAsInt());
      }
    }
  }

  /**
   * What is wrong with the text goes past the writer of the ids as an unchecked exception, so that
   * it is not told as a failure to write.
   */
  private static void encode(Path file, Tokenizer tokenizer, Tokens.Sink to) throws IOException {
    try {
      tokenizer.encode(
          file,
          ids -> {
            try {
              to.add(ids);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
