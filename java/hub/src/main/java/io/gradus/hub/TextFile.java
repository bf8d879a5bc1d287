package io.gradus.hub;

import io.gradus.data.InputFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Reads text of any size in parts, and nothing that is not text. */
final class TextFile {

  private static final int PART = 1 << 16;

  /** Where no word ends for so long, one is cut in two. */
  private static final int MAX_PART = 1 << 20;

  private final Path file;
  private final Consumer<String> parts;
  private final StringBuilder pending = new StringBuilder();

  private TextFile(Path file, Consumer<String> parts) {
    this.file = file;
    this.parts = parts;
  }

  /**
   * Hands out the text in parts that end behind a letter and before a space, where every tokenizer
   * that we know ends a word: the words of the parts are those of the text.
   */
  static void read(Path file, Consumer<String> parts) throws IOException {
    InputFile.check("tokenizer", file);
    try (InputStream in = Files.newInputStream(file)) {
      new TextFile(file, parts).read(in);
    }
  }

  private void read(InputStream in) throws IOException {
    CharsetDecoder utf8 = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer bytes = ByteBuffer.allocate(PART);
    CharBuffer chars = CharBuffer.allocate(PART);
    long position = 0;
    for (boolean end = false; !end; ) {
      int n = in.read(bytes.array(), bytes.position(), bytes.remaining());
      end = n < 0;
      if (!end) {
        checkText(bytes, n, position);
        bytes.position(bytes.position() + n);
      }
      bytes.flip();
      CoderResult result = utf8.decode(bytes, chars, end);
      if (result.isError()) {
        throw notText("is not UTF-8", position + bytes.position());
      }
      position += bytes.position();
      bytes.compact();
      pending.append(chars.flip());
      chars.clear();
      if (pending.length() >= PART) {
        handOut();
      }
    }
    if (pending.length() > 0) {
      parts.accept(pending.toString());
    }
  }

  /** A zero byte is in no text, and in almost every other file. */
  private void checkText(ByteBuffer bytes, int n, long position) throws IOException {
    for (int i = bytes.position(); i < bytes.position() + n; i++) {
      if (bytes.get(i) == 0) {
        throw notText("has a zero byte and is no text", position + i);
      }
    }
  }

  private IOException notText(String what, long position) {
    return new IOException(
        "tokenizer: not a text file: "
            + file
            + " "
            + what
            + " at byte "
            + position
            + "; convert it to UTF-8");
  }

  private void handOut() {
    int end = lastEnd(' ');
    if (end == 0 && pending.length() < MAX_PART) {
      return;
    }
    end = end > 0 ? end : lastEnd('\n');
    end = end > 0 ? end : pending.length(); // A decoder gives whole code points.
    parts.accept(pending.substring(0, end));
    pending.delete(0, end);
  }

  /** The last place between a letter and this character; 0 where there is none. */
  private int lastEnd(char next) {
    int end = pending.length() - 1;
    while (end > 0
        && !(pending.charAt(end) == next
            && Unicode.is(Unicode.LETTER, pending.codePointBefore(end)))) {
      end--;
    }
    return end;
  }
}
