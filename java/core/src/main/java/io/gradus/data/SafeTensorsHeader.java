package io.gradus.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * The JSON header of a safetensors file: which tensor lies where in the data behind it.
 *
 * <p>A header that was parsed can be trusted: its tensors cover the data from the first byte to the
 * last, without a gap or an overlap, and each has just the bytes that its shape needs.
 */
record SafeTensorsHeader(Map<String, Entry> entries, Map<String, String> metadata) {

  /** The limit that the format sets. */
  static final int MAX_BYTES = 100_000_000;

  private static final String METADATA = "__metadata__";
  private static final int MAX_RANK = 8;

  // Names come from files: interned or cached, they would stay in memory after the file is closed.
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  /** A tensor's type and shape, and the range of its bytes in the data. */
  record Entry(DType type, Shape shape, long begin, long end) {
    long bytes() {
      return end - begin;
    }
  }

  static SafeTensorsHeader parse(Path file, byte[] json, long dataBytes) throws IOException {
    try {
      // Jackson would take UTF-16 or a byte order mark as well.
      if (json.length == 0 || json[0] != '{') {
        throw new IOException("it does not start with {");
      }
      var utf8 = StandardCharsets.UTF_8.newDecoder();
      var in = new InputStreamReader(new ByteArrayInputStream(json), utf8);
      try (JsonParser parser = JSON.createParser(in)) {
        SafeTensorsHeader header = parse(parser);
        header.checkTiling(dataBytes);
        return header;
      }
    } catch (CharacterCodingException e) {
      throw broken(file, "it is not UTF-8", e);
    } catch (JsonProcessingException e) {
      throw broken(file, e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw broken(file, e.getMessage(), e);
    }
  }

  private static IOException broken(Path file, String what, Exception cause) {
    return new IOException(
        "safetensors: broken header: " + file + ": " + what + "; get the file again", cause);
  }

  private static SafeTensorsHeader parse(JsonParser in) throws IOException {
    Map<String, Entry> entries = new LinkedHashMap<>();
    Map<String, String> metadata = Map.of();
    in.nextToken();
    for (String name; (name = in.nextFieldName()) != null; ) {
      if (name.equals(METADATA)) {
        metadata = parseMetadata(in);
      } else {
        entries.put(name, parseEntry(in, shown(name)));
      }
    }
    if (in.nextToken() != null) {
      throw new IOException("something follows its closing }");
    }
    return new SafeTensorsHeader(entries, metadata);
  }

  private static Map<String, String> parseMetadata(JsonParser in) throws IOException {
    if (in.nextToken() != JsonToken.START_OBJECT) {
      throw new IOException(METADATA + " is not an object of strings");
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    for (String key; (key = in.nextFieldName()) != null; ) {
      String value = in.nextTextValue();
      if (value == null) {
        throw new IOException(METADATA + " has a value for " + shown(key) + " that is no string");
      }
      metadata.put(key, value);
    }
    return metadata;
  }

  private static Entry parseEntry(JsonParser in, String name) throws IOException {
    if (in.nextToken() != JsonToken.START_OBJECT) {
      throw new IOException(name + " is not an object");
    }
    DType type = null;
    long[] dims = null;
    long[] offsets = null;
    for (String key; (key = in.nextFieldName()) != null; ) {
      switch (key) {
        case "dtype" -> type = parseType(in, name);
        case "shape" -> dims = parseSizes(in, name + " shape", MAX_RANK);
        case "data_offsets" -> offsets = parseSizes(in, name + " data_offsets", 2);
        default -> throw new IOException(name + " has an unknown field " + shown(key));
      }
    }
    if (type == null || dims == null || offsets == null || offsets.length != 2) {
      throw new IOException(name + " lacks one of dtype, shape and two data_offsets");
    }
    long bytes = bytes(type, dims, name);
    if (bytes != offsets[1] - offsets[0]) {
      throw new IOException(
          String.format(
              "%s is %s %s of %d bytes but has data_offsets %s",
              name, type, Arrays.toString(dims), bytes, Arrays.toString(offsets)));
    }
    return new Entry(type, Shape.of(dims), offsets[0], offsets[1]);
  }

  private static DType parseType(JsonParser in, String name) throws IOException {
    String type = in.nextTextValue();
    return switch (String.valueOf(type)) {
      case "F32" -> DType.F32;
      case "BF16" -> DType.BF16;
      case "F16" -> DType.F16;
      case "I32" -> DType.I32;
      case "I64" -> DType.I64;
      case "U8", "BOOL" -> DType.U8;
      default ->
          throw new IOException(
              name
                  + " has dtype "
                  + shown(in.getText())
                  + "; F32 BF16 F16 I32 I64 U8 BOOL can be read");
    };
  }

  private static long[] parseSizes(JsonParser in, String what, int most) throws IOException {
    if (in.nextToken() != JsonToken.START_ARRAY) {
      throw new IOException(what + " is not an array");
    }
    long[] sizes = new long[most];
    int n = 0;
    for (; in.nextToken() != JsonToken.END_ARRAY; n++) {
      if (in.currentToken() != JsonToken.VALUE_NUMBER_INT || in.getLongValue() < 0) {
        throw new IOException(what + " has " + shown(in.getText()) + " where a size must be");
      }
      if (n == most) {
        throw new IOException(what + " has more than " + most + " numbers");
      }
      sizes[n] = in.getLongValue();
    }
    return Arrays.copyOf(sizes, n);
  }

  private static long bytes(DType type, long[] dims, String name) throws IOException {
    try {
      long bytes = type.bytes();
      for (long dim : dims) {
        bytes = Math.multiplyExact(bytes, dim);
      }
      return bytes;
    } catch (ArithmeticException e) {
      throw new IOException(name + " has too large a shape " + Arrays.toString(dims));
    }
  }

  /** A name is up to 50,000 characters of anything: an error shows the beginning. */
  private static String shown(String name) {
    String line = name.replaceAll("\\p{Cntrl}", "?");
    return line.length() <= 100 ? line : line.substring(0, 100) + "...";
  }

  private void checkTiling(long dataBytes) throws IOException {
    var sorted = new ArrayList<>(entries.entrySet());
    sorted.sort(
        Comparator.<Map.Entry<String, Entry>>comparingLong(e -> e.getValue().begin)
            .thenComparingLong(e -> e.getValue().end));
    long end = 0;
    for (var next : sorted) {
      long begin = next.getValue().begin;
      if (begin != end) {
        throw new IOException(
            String.format(
                "%s starts at byte %d, %s byte %d where the one before it ends",
                shown(next.getKey()), begin, begin < end ? "before" : "behind", end));
      }
      end = next.getValue().end;
    }
    if (end != dataBytes) {
      throw new IOException("its tensors take " + end + " bytes and the file has " + dataBytes);
    }
  }

  /** Wide types first, so that each tensor is aligned to its type; then by name. */
  static SafeTensorsHeader of(Map<String, Tensor> tensors, Map<String, String> metadata) {
    var sorted = new ArrayList<>(tensors.entrySet());
    sorted.sort(
        Comparator.<Map.Entry<String, Tensor>>comparingInt(e -> -e.getValue().dtype().bytes())
            .thenComparing(Map.Entry::getKey));
    Map<String, Entry> entries = new LinkedHashMap<>();
    long end = 0;
    for (var next : sorted) {
      Tensor tensor = next.getValue();
      long begin = end;
      end += tensor.shape().size() * tensor.dtype().bytes();
      entries.put(next.getKey(), new Entry(tensor.dtype(), tensor.shape(), begin, end));
    }
    if (entries.containsKey(METADATA)) {
      throw new IllegalArgumentException("safetensors: no tensor can be named " + METADATA);
    }
    return new SafeTensorsHeader(entries, new TreeMap<>(metadata));
  }

  /** The bytes of the header, padded with spaces so that the data behind it is aligned to 8. */
  byte[] toJson() throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (JsonGenerator out = JSON.createGenerator(bytes)) {
      out.writeStartObject();
      if (!metadata.isEmpty()) {
        out.writeObjectFieldStart(METADATA);
        for (var item : metadata.entrySet()) {
          out.writeStringField(item.getKey(), item.getValue());
        }
        out.writeEndObject();
      }
      for (var item : entries.entrySet()) {
        Entry entry = item.getValue();
        out.writeObjectFieldStart(item.getKey());
        out.writeStringField("dtype", entry.type.name());
        out.writeArrayFieldStart("shape");
        for (int i = 0; i < entry.shape.rank(); i++) {
          out.writeNumber(entry.shape.dim(i));
        }
        out.writeEndArray();
        out.writeFieldName("data_offsets");
        out.writeArray(new long[] {entry.begin, entry.end}, 0, 2);
        out.writeEndObject();
      }
      out.writeEndObject();
    }
    bytes.write(" ".repeat(-bytes.size() & 7).getBytes(StandardCharsets.US_ASCII));
    return bytes.toByteArray();
  }
}
