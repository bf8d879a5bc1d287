package io.gradus.data;

import java.io.IOException;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A text as a sequence of token ids, in memory or in a file of any size that is mapped and not
 * read: what is not needed takes no memory.
 *
 * <pre>{@code
 * Tokens.write(path, tokenizer.size(), to -> to.add(tokenizer.encode(text)));
 * Tokens tokens = Tokens.open(path);
 * }</pre>
 *
 * <p>A file begins with 32 bytes, little-endian: {@code GRADUSTK}, the version of the format (I32,
 * 1), the bytes of an id (I32, 2 or 4), the size of the vocabulary (I64) and the number of ids
 * (I64), which follow.
 */
public final class Tokens {

  /** Takes ids while a file is written. */
  @FunctionalInterface
  public interface Sink {
    /** Appends ids, each of the vocabulary. */
    void add(int... ids) throws IOException;
  }

  /** Gives the ids of a file that is written. */
  @FunctionalInterface
  public interface Source {
    /** Hands all ids on, piece by piece. */
    void writeTo(Sink to) throws IOException;
  }

  private static final long MAGIC = 0x4b54535544415247L; // GRADUSTK
  private static final int VERSION = 1;
  private static final int HEADER = 32;
  private static final int SMALL = 1 << 16; // vocabularies up to here take two bytes an id
  private static final int SEGMENT = 1 << 30; // bytes that one mapping covers

  private interface Ids {
    void read(long from, int[] to);
  }

  private final Ids ids;
  private final long first;
  private final long size;
  private final int vocabulary;

  private Tokens(Ids ids, long first, long size, int vocabulary) {
    this.ids = ids;
    this.first = first;
    this.size = size;
    this.vocabulary = vocabulary;
  }

  // Making them

  /**
   * Ids in memory.
   *
   * @throws IndexOutOfBoundsException for an id outside the vocabulary
   */
  public static Tokens of(int[] ids, int vocabulary) {
    checkVocabulary(vocabulary);
    int[] own = ids.clone();
    checkIds(own, vocabulary);
    return new Tokens(
        (from, to) -> System.arraycopy(own, (int) from, to, 0, to.length),
        0,
        own.length,
        vocabulary);
  }

  /**
   * Maps a file of ids. It must stay as long as it is in use.
   *
   * @throws IOException where it is missing, broken or cut short
   */
  public static Tokens open(Path file) throws IOException {
    InputFile.check("tokens", file);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
      while (header.hasRemaining() && channel.read(header) >= 0) {
        continue;
      }
      header.flip();
      if (header.remaining() < HEADER || header.getLong() != MAGIC) {
        throw new IOException("tokens: not a file of token ids: " + file + "; write it again");
      }
      int version = header.getInt();
      int width = header.getInt();
      long vocabulary = header.getLong();
      long size = header.getLong();
      if (version != VERSION) {
        throw new IOException(
            "tokens: version " + version + " is not known: " + file + "; write it again");
      }
      if ((width != Short.BYTES && width != Integer.BYTES)
          || vocabulary < 1
          || vocabulary > (width == Short.BYTES ? SMALL : Integer.MAX_VALUE)) {
        throw new IOException("tokens: the header is broken: " + file + "; write it again");
      }
      if (size < 0 || size != (channel.size() - HEADER) / width) {
        throw new IOException(
            "tokens: "
                + file
                + " should have "
                + size
                + " ids and has "
                + (channel.size() - HEADER) / width
                + "; write it again");
      }
      return new Tokens(
          new Mapped(file, channel, width, size, (int) vocabulary), 0, size, (int) vocabulary);
    }
  }

  /**
   * Writes a file of ids, which appears as a whole or not at all.
   *
   * @throws IOException where that fails; a file that was there before is unchanged
   * @throws IndexOutOfBoundsException for an id outside the vocabulary
   */
  public static void write(Path file, int vocabulary, Source source) throws IOException {
    checkVocabulary(vocabulary);
    int width = vocabulary <= SMALL ? Short.BYTES : Integer.BYTES;
    OutputFile.replace(
        "tokens",
        file,
        out -> {
          ByteBuffer buffer = ByteBuffer.allocateDirect(SMALL).order(ByteOrder.LITTLE_ENDIAN);
          out.position(HEADER);
          long[] size = {0};
          source.writeTo(
              ids -> {
                checkIds(ids, vocabulary);
                size[0] += ids.length;
                for (int id : ids) {
                  if (buffer.remaining() < width) {
                    drain(buffer, out);
                  }
                  if (width == Short.BYTES) {
                    buffer.putShort((short) id);
                  } else {
                    buffer.putInt(id);
                  }
                }
              });
          drain(buffer, out);
          out.position(0);
          buffer.putLong(MAGIC).putInt(VERSION).putInt(width);
          buffer.putLong(vocabulary).putLong(size[0]);
          drain(buffer, out);
        });
  }

  private static void drain(ByteBuffer buffer, FileChannel out) throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      out.write(buffer);
    }
    buffer.clear();
  }

  private static void checkVocabulary(int vocabulary) {
    if (vocabulary < 1) {
      throw new IllegalArgumentException("tokens: the vocabulary must have a token: " + vocabulary);
    }
  }

  private static void checkIds(int[] ids, int vocabulary) {
    for (int id : ids) {
      if (id < 0 || id >= vocabulary) {
        throw new IndexOutOfBoundsException(
            "tokens: id " + id + " is outside the vocabulary of " + vocabulary);
      }
    }
  }

  // Reading them

  /** The number of ids. */
  public long size() {
    return size;
  }

  /** The size of the vocabulary: each id is less. */
  public int vocabulary() {
    return vocabulary;
  }

  /**
   * A copy of some ids.
   *
   * @throws IndexOutOfBoundsException where there are not that many
   */
  public int[] read(long from, int count) {
    int[] to = new int[count];
    read(from, to);
    return to;
  }

  /** Fills an array with the ids from one on. */
  public void read(long from, int[] to) {
    checkRange(from, to.length);
    ids.read(first + from, to);
  }

  /** A range of the ids, {@code from} inclusive to {@code to} exclusive, without a copy. */
  public Tokens slice(long from, long to) {
    checkRange(from, to - from);
    return new Tokens(ids, first + from, to - from, vocabulary);
  }

  private void checkRange(long from, long count) {
    if (from < 0 || count < 0 || count > size - from) {
      throw new IndexOutOfBoundsException(
          "tokens: " + count + " ids from " + from + " on are more than there are: " + size);
    }
  }

  /** Ids in a file, mapped in pieces that a buffer can address. */
  private static final class Mapped implements Ids {
    private final Path file;
    private final Buffer[] segments; // of shorts or ints
    private final int perSegment; // ids
    private final int vocabulary;

    Mapped(Path file, FileChannel channel, int width, long size, int vocabulary)
        throws IOException {
      this.file = file;
      this.vocabulary = vocabulary;
      this.perSegment = SEGMENT / width;
      this.segments = new Buffer[(int) ((size + perSegment - 1) / perSegment)];
      for (int i = 0; i < segments.length; i++) {
        long from = (long) i * perSegment;
        long bytes = Math.min(perSegment, size - from) * width;
        ByteBuffer mapped =
            channel
                .map(FileChannel.MapMode.READ_ONLY, HEADER + from * width, bytes)
                .order(ByteOrder.LITTLE_ENDIAN);
        segments[i] = width == Short.BYTES ? mapped.asShortBuffer() : mapped.asIntBuffer();
      }
    }

    @Override
    public void read(long from, int[] to) {
      try {
        for (int i = 0; i < to.length; i++) {
          long at = from + i;
          Buffer segment = segments[(int) (at / perSegment)];
          int place = (int) (at % perSegment);
          to[i] =
              segment instanceof java.nio.ShortBuffer shorts
                  ? Short.toUnsignedInt(shorts.get(place))
                  : ((java.nio.IntBuffer) segment).get(place);
        }
      } catch (InternalError e) {
        // What the JVM makes of a page of a mapped file that is gone.
        throw new IllegalStateException("tokens: the file was cut short while in use: " + file, e);
      }
      checkIds(to, vocabulary);
    }
  }
}
