package io.gradus.benchmarks;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The weights and the batch that every engine starts from: a file that {@code gradus bench --save}
 * wrote, read without Gradus, whose memory and libraries would count as the rival's. The batch is
 * {@code inputs} and {@code targets}; all else are parameters, by the names they have in Gradus.
 */
public final class Start implements AutoCloseable {
  private static final Pattern ENTRY =
      Pattern.compile(
          "\"([^\"]+)\":\\{\"dtype\":\"\\w+\",\"shape\":\\[([0-9,]*)\\],"
              + "\"data_offsets\":\\[(\\d+),(\\d+)\\]\\}");
  private static final int CHUNK = 1 << 20;

  private record Entry(long[] shape, long begin, long end) {}

  private final FileChannel channel;
  private final long data;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  private Start(FileChannel channel) throws IOException {
    this.channel = channel;
    ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    fill(length, 0);
    ByteBuffer header = ByteBuffer.allocate(Math.toIntExact(length.getLong(0)));
    fill(header, Long.BYTES);
    data = Long.BYTES + header.capacity();
    Matcher entry = ENTRY.matcher(new String(header.array(), StandardCharsets.UTF_8));
    while (entry.find()) {
      long[] shape = Arrays.stream(entry.group(2).split(",")).mapToLong(Long::parseLong).toArray();
      entries.put(
          entry.group(1),
          new Entry(shape, Long.parseLong(entry.group(3)), Long.parseLong(entry.group(4))));
    }
  }

  public static Start open(Path file) {
    try {
      return new Start(FileChannel.open(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public long[] shape(String name) {
    return entry(name).shape.clone();
  }

  public float[] floats(String name) {
    ByteBuffer bytes = bytes(name);
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  public int[] integers(String name) {
    ByteBuffer bytes = bytes(name);
    int[] values = new int[bytes.remaining() / Integer.BYTES];
    bytes.asIntBuffer().get(values);
    return values;
  }

  private ByteBuffer bytes(String name) {
    Entry entry = entry(name);
    int size = Math.toIntExact(entry.end - entry.begin);
    ByteBuffer bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    read(name, bytes);
    return bytes.flip();
  }

  /** Fills a buffer, such as an engine's own memory, without a copy of the whole on the way. */
  public void read(String name, ByteBuffer into) {
    Entry entry = entry(name);
    if (into.remaining() != entry.end - entry.begin) {
      throw new IllegalArgumentException(
          "start: %s has %d bytes there and %d here"
              .formatted(name, entry.end - entry.begin, into.remaining()));
    }
    try {
      for (long at = entry.begin; at < entry.end; at += CHUNK) {
        int size = (int) Math.min(CHUNK, entry.end - at);
        fill(into.slice(into.position(), size), data + at);
        into.position(into.position() + size);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Entry entry(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw new IllegalArgumentException(
          "start: no such tensor: %s; there are %s".formatted(name, entries.keySet()));
    }
    return entry;
  }

  private void fill(ByteBuffer buffer, long position) throws IOException {
    for (long at = position; buffer.hasRemaining(); ) {
      int n = channel.read(buffer, at);
      if (n < 0) {
        throw new EOFException("start: the file ends at byte " + at);
      }
      at += n;
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
