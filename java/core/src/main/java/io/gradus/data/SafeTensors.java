package io.gradus.data;

import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A safetensors file, the format in which PyTorch and Hugging Face hand weights around.
 *
 * <pre>{@code
 * SafeTensors.write(path, Map.of("0.weight", w, "0.bias", b), Map.of("epoch", "3"));
 *
 * try (SafeTensors file = SafeTensors.read(path)) {
 *   Tensor w = file.tensor("0.weight");
 * }
 * }</pre>
 */
public final class SafeTensors implements AutoCloseable {

  private static final int CHUNK = 1 << 20;

  private final Path file;
  private final FileChannel channel;
  private final long dataStart;
  private final SafeTensorsHeader header;
  private final ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);

  /**
   * Opens a file and checks its header; tensors are read when they are asked for. What is read
   * comes from this file even when another takes its name meanwhile.
   */
  public static SafeTensors read(Path file) throws IOException {
    InputFile.check("safetensors", file);
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    try {
      return new SafeTensors(file, channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private SafeTensors(Path file, FileChannel channel) throws IOException {
    this.file = file;
    this.channel = channel;
    long size = channel.size();
    if (size < Long.BYTES) {
      throw error("too short", "has " + size + " bytes, and a header's length takes 8");
    }
    ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    fill(length, 0);
    long bytes = length.getLong(0);
    String claim = "says its header has " + Long.toUnsignedString(bytes) + " bytes";
    if (bytes < 0 || bytes > SafeTensorsHeader.MAX_BYTES) {
      throw error("no header", claim + "; the format allows " + SafeTensorsHeader.MAX_BYTES);
    }
    if (bytes > size - Long.BYTES) {
      throw error("cut short", claim + " and has " + size + " itself; get the file again");
    }
    ByteBuffer json = ByteBuffer.allocate((int) bytes);
    fill(json, Long.BYTES);
    dataStart = Long.BYTES + bytes;
    header = SafeTensorsHeader.parse(file, json.array(), size - dataStart);
  }

  private IOException error(String what, String seen) {
    return new IOException("safetensors: " + what + ": " + file + " " + seen);
  }

  /** The names of the tensors, in the order of the file's header. */
  public Set<String> names() {
    return Collections.unmodifiableSet(header.entries().keySet());
  }

  /** The file's own notes, such as {@code format}; empty where there are none. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  public Shape shape(String name) {
    return entry(name).shape();
  }

  /** A tensor's type; a mask of {@code BOOL} is {@code u8}. */
  public DType dtype(String name) {
    return entry(name).type();
  }

  private SafeTensorsHeader.Entry entry(String name) {
    SafeTensorsHeader.Entry entry = header.entries().get(name);
    if (entry == null) {
      throw new IllegalArgumentException(
          "safetensors: no such tensor: " + name + " in " + file + " with " + some(names()));
    }
    return entry;
  }

  /** Reads one tensor into memory of its own, on the CPU. */
  public Tensor tensor(String name) throws IOException {
    Tensor tensor = Tensor.empty(shape(name), dtype(name), Device.cpu());
    try {
      copy(name, tensor);
      return tensor;
    } catch (IOException | RuntimeException e) {
      tensor.close();
      throw e;
    }
  }

  /**
   * Copies every tensor of the file into the one of the same name. Nothing is copied unless names,
   * shapes and types are the same on both sides.
   */
  public void load(Map<String, Tensor> into) throws IOException {
    List<String> missing = new ArrayList<>();
    List<String> different = new ArrayList<>();
    into.forEach(
        (name, tensor) -> {
          if (!names().contains(name)) {
            missing.add(name);
          } else if (!shape(name).equals(tensor.shape()) || dtype(name) != tensor.dtype()) {
            different.add(
                String.format(
                    "%s is %s %s there and %s %s here",
                    name, dtype(name), shape(name), tensor.dtype(), tensor.shape()));
          }
        });
    List<String> unexpected = new ArrayList<>(names());
    unexpected.removeAll(into.keySet());

    List<String> problems = new ArrayList<>();
    if (!missing.isEmpty()) {
      problems.add("missing " + some(missing));
    }
    if (!unexpected.isEmpty()) {
      problems.add("unexpected " + some(unexpected));
    }
    if (!different.isEmpty()) {
      problems.add("mismatched " + some(different));
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(
          "safetensors: the file does not fit: " + file + ": " + String.join("; ", problems));
    }
    for (var target : into.entrySet()) {
      copy(target.getKey(), target.getValue());
    }
  }

  /** A wrong file for a large model differs in hundreds of names; five show what kind it is. */
  private static String some(Iterable<String> names) {
    List<String> all = new ArrayList<>();
    names.forEach(all::add);
    String more = all.size() > 5 ? " and " + (all.size() - 5) + " more" : "";
    return String.join(", ", all.subList(0, Math.min(5, all.size()))) + more;
  }

  private synchronized void copy(String name, Tensor tensor) throws IOException {
    SafeTensorsHeader.Entry entry = entry(name);
    for (long at = 0; at < entry.bytes(); at += CHUNK) {
      chunk.clear().limit((int) Math.min(CHUNK, entry.bytes() - at));
      fill(chunk, dataStart + entry.begin() + at);
      tensor.copyFrom(chunk.flip(), at);
    }
  }

  // Reads at positions and maps nothing: a mapped file that shrinks takes the JVM down with it.
  private void fill(ByteBuffer buffer, long position) throws IOException {
    while (buffer.hasRemaining()) {
      int n = channel.read(buffer, position);
      if (n < 0) {
        throw error("cut short", "ended at byte " + position + " while it was read");
      }
      position += n;
    }
  }

  /** Closes the file; tensors read from it stay. */
  @Override
  public void close() throws IOException {
    channel.close();
  }

  /**
   * Writes tensors and notes about them to a file that appears as a whole or not at all: when
   * anything fails, a full disk for one, a file that was there before is unchanged.
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata)
      throws IOException {
    var header = SafeTensorsHeader.of(tensors, metadata);
    byte[] json = header.toJson();
    if (json.length > SafeTensorsHeader.MAX_BYTES) {
      throw new IllegalArgumentException(
          "safetensors: names and metadata are too long: they take "
              + json.length
              + " bytes; the format allows "
              + SafeTensorsHeader.MAX_BYTES);
    }
    OutputFile.replace(
        "safetensors",
        file,
        out -> {
          ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
          drain(chunk.putLong(json.length).flip(), out);
          drain(ByteBuffer.wrap(json), out);
          for (var item : header.entries().entrySet()) {
            long bytes = item.getValue().bytes();
            for (long at = 0; at < bytes; at += CHUNK) {
              chunk.clear().limit((int) Math.min(CHUNK, bytes - at));
              tensors.get(item.getKey()).copyTo(chunk, at);
              drain(chunk.rewind(), out);
            }
          }
        });
  }

  private static void drain(ByteBuffer buffer, FileChannel out) throws IOException {
    while (buffer.hasRemaining()) {
      out.write(buffer);
    }
  }
}
