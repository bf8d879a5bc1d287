package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Isolated("one test lowers a limit of the whole process")
class SafeTensorsTest {

  private static final Map<String, String> NO_NOTES = Map.of();

  @TempDir Path directory;

  @Test
  void tensors_and_notes_come_back_as_they_were_written() throws IOException {
    Path file = directory.resolve("model.safetensors");
    Map<String, Tensor> tensors =
        Map.of(
            "f32", Tensor.of(new float[] {0, -0f, 1.5f, Float.NaN, 1e-45f, 3e38f}, 2, 3),
            "i32", Tensor.of(new int[] {1, -2, Integer.MIN_VALUE}, 3, 1),
            "i64", Tensor.of(new long[] {Long.MAX_VALUE, -1}, 2),
            "u8", Tensor.of(new byte[] {0, 127, -128, -1, 5}, 5),
            "no rows", Tensor.of(new float[0], 0, 4),
            "scalar", Tensor.scalar(7));
    Map<String, String> notes = Map.of("format", "pt", "café \"Ω\"", "line\nbreak 😀");
    SafeTensors.write(file, tensors, notes);
    try (SafeTensors read = SafeTensors.read(file)) {
      assertEquals(tensors.keySet(), read.names());
      assertEquals(notes, read.metadata());
      for (var item : tensors.entrySet()) {
        Tensor tensor = read.tensor(item.getKey());
        assertEquals(item.getValue().shape(), tensor.shape());
        assertEquals(item.getValue().dtype(), tensor.dtype());
        assertArrayEquals(bytes(item.getValue()), bytes(tensor), item.getKey());
      }
    }
  }

  @Test
  void half_types_keep_their_bits() throws IOException {
    Path file = directory.resolve("half.safetensors");
    Map<String, Tensor> tensors = new HashMap<>();
    for (DType type : new DType[] {DType.BF16, DType.F16}) {
      Tensor tensor = Tensor.empty(Shape.of(3), type, Device.cpu());
      tensor.copyFrom(ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5, 6}), 0);
      tensors.put(type.toString(), tensor);
    }
    SafeTensors.write(file, tensors, NO_NOTES);
    try (SafeTensors read = SafeTensors.read(file)) {
      assertEquals(DType.BF16, read.dtype("bf16"));
      assertEquals(DType.F16, read.dtype("f16"));
      assertArrayEquals(new byte[] {1, 2, 3, 4, 5, 6}, bytes(read.tensor("bf16")));
      assertArrayEquals(new byte[] {1, 2, 3, 4, 5, 6}, bytes(read.tensor("f16")));
    }
  }

  @Test
  void a_tensor_longer_than_any_buffer_keeps_its_order() throws IOException {
    Path file = directory.resolve("large.safetensors");
    int[] values = new Random(42).ints(700_001).toArray(); // 2.8 MB, and no multiple of a chunk
    SafeTensors.write(file, Map.of("x", Tensor.of(values, values.length)), NO_NOTES);
    try (SafeTensors read = SafeTensors.read(file)) {
      assertArrayEquals(values, read.tensor("x").toInts());
    }
  }

  @Test
  void the_bytes_are_those_that_the_format_prescribes() throws IOException {
    Path file = directory.resolve("bytes.safetensors");
    Map<String, Tensor> tensors =
        Map.of(
            "b", Tensor.of(new float[] {1}, 1),
            "a", Tensor.of(new byte[] {7}, 1),
            "c", Tensor.of(new long[] {258}, 1, 1));
    SafeTensors.write(file, tensors, Map.of("z", "1", "y", "2"));
    String header =
        "{'__metadata__':{'y':'2','z':'1'},"
            + "'c':{'dtype':'I64','shape':[1,1],'data_offsets':[0,8]},"
            + "'b':{'dtype':'F32','shape':[1],'data_offsets':[8,12]},"
            + "'a':{'dtype':'U8','shape':[1],'data_offsets':[12,13]}}";
    byte[] data = {2, 1, 0, 0, 0, 0, 0, 0, 0, 0, -128, 63, 7};
    int padding = -header.length() & 7;
    assertTrue(padding > 0);
    assertArrayEquals(content(header + " ".repeat(padding), data), Files.readAllBytes(file));
  }

  @Test
  void a_file_that_pytorch_filled_is_read() throws IOException {
    try (SafeTensors read = SafeTensors.read(golden("mlp_sgd.safetensors"))) {
      assertEquals(Shape.of(10, 16, 64), read.shape("inputs"));
      assertEquals(DType.I64, read.dtype("labels"));
      assertEquals("PyTorch 1.13.0a0", read.metadata().get("made_by"));
      // The digits start with a 0 and a 1.
      long[] labels = read.tensor("labels").toLongs();
      assertArrayEquals(new long[] {0, 1, 2, 3}, Arrays.copyOf(labels, 4));
      assertEquals(5 / 16f, read.tensor("inputs").toFloats()[2]);
    }
  }

  @Test
  void masks_are_read_as_bytes() throws IOException {
    Path file = write("{'m':{'dtype':'BOOL','shape':[3],'data_offsets':[0,3]}}", 1, 0, 1);
    try (SafeTensors read = SafeTensors.read(file)) {
      assertEquals(DType.U8, read.dtype("m"));
      assertArrayEquals(new byte[] {1, 0, 1}, read.tensor("m").toBytes());
    }
  }

  @Test
  void tensors_may_lie_in_any_order_and_be_empty() throws IOException {
    Path file =
        write(
            "{'b':{'data_offsets':[1,2],'shape':[],'dtype':'U8'},"
                + "'none':{'dtype':'F32','shape':[2,0],'data_offsets':[1,1]},"
                + "'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}   ",
            8,
            9);
    try (SafeTensors read = SafeTensors.read(file)) {
      assertEquals(List.of("b", "none", "a"), List.copyOf(read.names()));
      assertArrayEquals(new byte[] {9}, read.tensor("b").toBytes());
      assertArrayEquals(new byte[] {8}, read.tensor("a").toBytes());
      assertEquals(Shape.of(2, 0), read.tensor("none").shape());
      assertEquals(Map.of(), read.metadata());
    }
  }

  @Test
  void a_file_without_tensors_is_a_file() throws IOException {
    Path file = directory.resolve("empty.safetensors");
    SafeTensors.write(file, Map.of(), Map.of("only", "notes"));
    try (SafeTensors read = SafeTensors.read(file)) {
      assertTrue(read.names().isEmpty());
      assertEquals(Map.of("only", "notes"), read.metadata());
    }
  }

  @Test
  void a_tensor_behind_the_first_two_gigabytes_is_found() throws IOException {
    long large = 3L << 30;
    String header =
        String.format(
            "{'large':{'dtype':'U8','shape':[%1$d],'data_offsets':[0,%1$d]},"
                + "'small':{'dtype':'U8','shape':[2],'data_offsets':[%1$d,%2$d]}}",
            large, large + 2);
    Path file = write(header);
    try (var sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.seek(sparse.length() + large);
      sparse.write(new byte[] {4, 2});
    }
    try (SafeTensors read = SafeTensors.read(file)) {
      assertArrayEquals(new byte[] {4, 2}, read.tensor("small").toBytes());
    }
  }

  static Stream<Arguments> broken() {
    String entry = "'dtype':'F32','shape':[1],'data_offsets':[0,4]";
    String tail = ",'shape':[1],'data_offsets':[0,4]}}";
    return Stream.of(
        header("", "it does not start with {"),
        header(" {}", "it does not start with {"),
        header("[]", "it does not start with {"),
        header("{} {}", "something follows its closing }"),
        header("{}\0", "Illegal character ((CTRL-CHAR, code 0))"),
        header("{'a'", "Unexpected end-of-input within/between Object entries"),
        header("{'a':1}", "a is not an object"),
        header("{'a':null}", "a is not an object"),
        header("{'a':{}}", "a lacks one of dtype, shape and two data_offsets"),
        header("{'a':{'dtype':'F32','shape':[1]}}", "a lacks one of"),
        header("{'a':{'dtype':'F32','shape':[1],'data_offsets':[0]}}", "a lacks one of"),
        header("{'a':{" + entry + ",'x':1}}", "a has an unknown field x"),
        header("{'a':{" + entry + "},'a':{" + entry + "}}", "Duplicate field 'a'"),
        header("{'a':{" + entry + ",'shape':[1]}}", "Duplicate field 'shape'"),
        header("{'__metadata__':{},'__metadata__':{}}", "Duplicate field '__metadata__'"),
        header("{'__metadata__':{'k':'1','k':'2'}}", "Duplicate field 'k'"),
        header("{'__metadata__':[]}", "__metadata__ is not an object of strings"),
        header("{'__metadata__':{'k':1}}", "__metadata__ has a value for k that is no string"),
        header("{'__metadata__':{'k':{}}}", "__metadata__ has a value for k that is no string"),
        header("{'a':{'dtype':'F64'" + tail, "a has dtype F64; F32 BF16 F16 I32 I64 U8 BOOL can"),
        header("{'a':{'dtype':'f32'" + tail, "a has dtype f32; F32"),
        header("{'a':{'dtype':7" + tail, "a has dtype 7; F32"),
        header("{'a':{'dtype':null" + tail, "a has dtype null; F32"),
        shape("1", "a shape is not an array"),
        shape("[-1]", "a shape has -1 where a size must be"),
        shape("[1.0]", "a shape has 1.0 where a size must be"),
        shape("['1']", "a shape has 1 where a size must be"),
        shape("[[1]]", "a shape has [ where a size must be"),
        shape("[9223372036854775808]", "Numeric value (9223372036854775808) out of range"),
        shape("[1,1,1,1,1,1,1,1,1]", "a shape has more than 8 numbers"),
        shape("[9223372036854775807]", "a has too large a shape [9223372036854775807]"),
        shape("[4294967296,4294967296]", "a has too large a shape [4294967296, 4294967296]"),
        shape("[2]", "a is f32 [2] of 8 bytes but has data_offsets [0, 4]"),
        shape("[0]", "a is f32 [0] of 0 bytes but has data_offsets [0, 4]"),
        offsets("[4,0]", "a is f32 [1] of 4 bytes but has data_offsets [4, 0]"),
        offsets("[0,4,8]", "a data_offsets has more than 2 numbers"),
        offsets("[-4,0]", "a data_offsets has -4 where a size must be"),
        offsets("[4,8]", "a starts at byte 4, behind byte 0 where the one before it ends"),
        offsets("[9223372036854775803,9223372036854775807]", "a starts at byte 92233720368547758"),
        two("[0,4]", "[0,4]", "b starts at byte 0, before byte 4 where the one before it ends"),
        two("[0,4]", "[2,6]", "b starts at byte 2, before byte 4 where the one before it ends"),
        two("[0,4]", "[5,9]", "b starts at byte 5, behind byte 4 where the one before it ends"),
        two("[0,4]", "[4,8]", "its tensors take 8 bytes and the file has 4"),
        header("{}", "its tensors take 0 bytes and the file has 4"),
        header("{'a'" + ":{'x'".repeat(2000), "a has an unknown field x"),
        header("{'" + "n".repeat(200) + "':1}", "n".repeat(100) + "... is not an object"),
        header("{'" + "n".repeat(60_000) + "':1}", "Name length (60000) exceeds the maximum"));
  }

  private static Arguments header(String json, String error) {
    return Arguments.of(json, error);
  }

  private static Arguments shape(String shape, String error) {
    return header("{'a':{'dtype':'F32','data_offsets':[0,4],'shape':" + shape + "}}", error);
  }

  private static Arguments offsets(String offsets, String error) {
    return header("{'a':{'dtype':'F32','shape':[1],'data_offsets':" + offsets + "}}", error);
  }

  private static Arguments two(String a, String b, String error) {
    String entry = "{'dtype':'F32','shape':[1],'data_offsets':";
    return header("{'a':" + entry + a + "},'b':" + entry + b + "}}", error);
  }

  @ParameterizedTest
  @MethodSource("broken")
  void a_header_that_does_not_describe_the_data_is_refused(String json, String error)
      throws IOException {
    Path file = write(json, 1, 2, 3, 4);
    IOException e = assertThrows(IOException.class, () -> SafeTensors.read(file));
    String message = e.getMessage();
    String start = "safetensors: broken header: " + file + ": " + error;
    assertTrue(message.startsWith(start), () -> message + "\ndoes not start with\n" + start);
    assertTrue(message.endsWith("; get the file again"), message);
  }

  @Test
  void a_header_in_another_encoding_is_refused() throws IOException {
    Path file = directory.resolve("file");
    Files.write(file, content("{'é':1}".getBytes(StandardCharsets.ISO_8859_1)));
    IOException e = assertThrows(IOException.class, () -> SafeTensors.read(file));
    assertTrue(e.getMessage().contains(": it is not UTF-8; "), e.getMessage());

    Files.write(file, content("{}".getBytes(StandardCharsets.UTF_16LE)));
    e = assertThrows(IOException.class, () -> SafeTensors.read(file));
    assertTrue(e.getMessage().contains("Illegal character"), e.getMessage());
  }

  @Test
  void a_header_length_is_held_against_the_limit_and_the_file() throws IOException {
    assertLengthRefused(-1, "no header: FILE says its header has 18446744073709551615 bytes; ");
    assertLengthRefused(
        100_000_001, "no header: FILE says its header has 100000001 bytes; the format allows ");
    assertLengthRefused(
        100_000_000, "cut short: FILE says its header has 100000000 bytes and has 10 itself; ");
    assertLengthRefused(3, "cut short: FILE says its header has 3 bytes and has 10 itself; ");
  }

  private void assertLengthRefused(long length, String error) throws IOException {
    ByteBuffer content = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
    Path file = Files.write(directory.resolve("file"), content.put((byte) '{').array());
    IOException e = assertThrows(IOException.class, () -> SafeTensors.read(file));
    String start = "safetensors: " + error.replace("FILE", file.toString());
    assertTrue(e.getMessage().startsWith(start), e.getMessage());
  }

  @Test
  void every_cut_of_a_file_is_refused() throws IOException {
    Path file = directory.resolve("whole");
    SafeTensors.write(file, Map.of("x", Tensor.of(new float[] {1, 2}, 2)), Map.of("k", "v"));
    byte[] whole = Files.readAllBytes(file);
    for (int length = 0; length < whole.length; length++) {
      Path cut = Files.write(directory.resolve("cut"), Arrays.copyOf(whole, length));
      IOException e = assertThrows(IOException.class, () -> SafeTensors.read(cut), "at " + length);
      assertTrue(e.getMessage().contains(cut.toString()), e.getMessage());
    }
  }

  @Test
  void a_file_cut_after_it_was_opened_is_refused() throws IOException {
    Path file = write("{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}", 1, 2, 3, 4);
    try (SafeTensors read = SafeTensors.read(file);
        var cut = new RandomAccessFile(file.toFile(), "rw")) {
      cut.setLength(cut.length() - 1);
      IOException e = assertThrows(IOException.class, () -> read.tensor("a"));
      assertTrue(e.getMessage().startsWith("safetensors: cut short: " + file), e.getMessage());
    }
  }

  @Test
  void an_open_file_is_read_to_its_end_though_another_took_its_name() throws IOException {
    Path file = directory.resolve("model.safetensors");
    SafeTensors.write(file, Map.of("x", Tensor.scalar(1)), NO_NOTES);
    try (SafeTensors read = SafeTensors.read(file)) {
      SafeTensors.write(file, Map.of("x", Tensor.scalar(2)), NO_NOTES);
      assertArrayEquals(new float[] {1}, read.tensor("x").toFloats());
    }
  }

  @Test
  void missing_and_irregular_files_are_named() {
    Path missing = directory.resolve("missing");
    IOException e = assertThrows(IOException.class, () -> SafeTensors.read(missing));
    assertEquals("safetensors: no such file: " + missing, e.getMessage());

    e = assertThrows(IOException.class, () -> SafeTensors.read(directory));
    assertEquals("safetensors: not a regular file: " + directory, e.getMessage());

    e = assertThrows(IOException.class, () -> SafeTensors.write(directory, Map.of(), NO_NOTES));
    assertEquals("safetensors: not a regular file: " + directory, e.getMessage());

    Path orphan = missing.resolve("file");
    e = assertThrows(IOException.class, () -> SafeTensors.write(orphan, Map.of(), NO_NOTES));
    assertEquals("safetensors: no such directory: " + missing + "; make it first", e.getMessage());
  }

  @Test
  void load_fills_the_tensors_of_a_model() throws IOException {
    Path file = directory.resolve("model.safetensors");
    Map<String, Tensor> saved =
        Map.of("w", Tensor.of(new float[] {1, 2}, 2), "n", Tensor.of(new long[] {3}, 1));
    SafeTensors.write(file, saved, NO_NOTES);
    Map<String, Tensor> model = Map.of("w", Tensor.zeros(2), "n", Tensor.of(new long[] {0}, 1));
    try (SafeTensors read = SafeTensors.read(file)) {
      read.load(model);
    }
    assertArrayEquals(new float[] {1, 2}, model.get("w").toFloats());
    assertArrayEquals(new long[] {3}, model.get("n").toLongs());
  }

  @Test
  void load_lists_all_that_does_not_fit_and_copies_nothing() throws IOException {
    Path file = directory.resolve("model.safetensors");
    Map<String, Tensor> saved =
        Map.of(
            "same", Tensor.of(new float[] {5}, 1),
            "shape", Tensor.of(new float[] {1, 2}, 2),
            "only in file", Tensor.scalar(1));
    SafeTensors.write(file, saved, NO_NOTES);
    Map<String, Tensor> model =
        Map.of("same", Tensor.zeros(1), "shape", Tensor.zeros(2, 1), "only in model", zero());
    try (SafeTensors read = SafeTensors.read(file)) {
      var e = assertThrows(IllegalArgumentException.class, () -> read.load(model));
      assertEquals(
          "safetensors: the file does not fit: "
              + file
              + ": missing only in model; unexpected only in file;"
              + " mismatched shape is f32 (2) there and f32 (2, 1) here",
          e.getMessage());
    }
    assertArrayEquals(new float[] {0}, model.get("same").toFloats());
  }

  @Test
  void load_refuses_another_type() throws IOException {
    Path file = directory.resolve("model.safetensors");
    SafeTensors.write(file, Map.of("x", Tensor.of(new int[] {1}, 1)), NO_NOTES);
    try (SafeTensors read = SafeTensors.read(file)) {
      Map<String, Tensor> model = Map.of("x", Tensor.zeros(1));
      var e = assertThrows(IllegalArgumentException.class, () -> read.load(model));
      assertTrue(e.getMessage().contains("x is i32 (1) there and f32 (1) here"), e.getMessage());
    }
  }

  @Test
  void a_wrong_name_is_answered_with_some_of_the_names() throws IOException {
    Path file = directory.resolve("model.safetensors");
    Map<String, Tensor> tensors = new HashMap<>();
    for (int i = 0; i < 8; i++) {
      tensors.put("x" + i, zero());
    }
    SafeTensors.write(file, tensors, NO_NOTES);
    try (SafeTensors read = SafeTensors.read(file)) {
      var e = assertThrows(IllegalArgumentException.class, () -> read.tensor("y"));
      assertEquals(
          "safetensors: no such tensor: y in " + file + " with x0, x1, x2, x3, x4 and 3 more",
          e.getMessage());
    }
  }

  @Test
  void no_tensor_takes_the_name_of_the_notes() {
    Path file = directory.resolve("model.safetensors");
    Map<String, Tensor> tensors = Map.of("__metadata__", zero());
    assertThrows(IllegalArgumentException.class, () -> SafeTensors.write(file, tensors, NO_NOTES));
    assertFalse(Files.exists(file));
  }

  @Test
  void a_full_disk_leaves_the_old_file_whole_and_nothing_else() throws Exception {
    Path file = directory.resolve("model.safetensors");
    SafeTensors.write(file, Map.of("x", Tensor.scalar(1)), NO_NOTES);
    byte[] old = Files.readAllBytes(file);
    Map<String, Tensor> large = Map.of("x", Tensor.zeros(1_000_000));
    // No disk to fill is at hand, but a limit on file sizes fails a write midway just the same.
    limitFileSize("2500000");
    try {
      IOException e =
          assertThrows(IOException.class, () -> SafeTensors.write(file, large, NO_NOTES));
      String start = "safetensors: writing failed: " + file + ": ";
      assertTrue(e.getMessage().startsWith(start), e.getMessage());
      assertTrue(e.getMessage().endsWith("; what stood there before is untouched"));
    } finally {
      limitFileSize("unlimited");
    }
    assertArrayEquals(old, Files.readAllBytes(file));
    assertOnlyFile(file);
    SafeTensors.write(file, large, NO_NOTES);
    assertTrue(Files.size(file) > 4_000_000);
  }

  private static void limitFileSize(String bytes) throws Exception {
    String pid = Long.toString(ProcessHandle.current().pid());
    Path prlimit = Path.of("/usr/bin/prlimit");
    assumeTrue(Files.exists(prlimit), "prlimit of util-linux makes writes fail in this test");
    var process = new ProcessBuilder(prlimit.toString(), "--pid", pid, "--fsize=" + bytes + ":");
    assertEquals(0, process.inheritIO().start().waitFor());
  }

  @Test
  void a_freed_tensor_leaves_the_old_file_whole_and_nothing_else() throws IOException {
    Path file = directory.resolve("model.safetensors");
    SafeTensors.write(file, Map.of("x", Tensor.scalar(1)), NO_NOTES);
    byte[] old = Files.readAllBytes(file);
    Tensor freed = zero();
    freed.close();
    Map<String, Tensor> tensors = Map.of("a", zero(), "x", freed);
    assertThrows(RuntimeException.class, () -> SafeTensors.write(file, tensors, NO_NOTES));
    assertArrayEquals(old, Files.readAllBytes(file));
    assertOnlyFile(file);
  }

  @Test
  void a_link_stays_a_link_to_the_file_that_is_replaced() throws IOException {
    Path file = directory.resolve("model.safetensors");
    SafeTensors.write(file, Map.of("x", Tensor.scalar(1)), NO_NOTES);
    Path link = Files.createSymbolicLink(directory.resolve("link"), file.getFileName());
    SafeTensors.write(link, Map.of("x", Tensor.scalar(2)), NO_NOTES);
    assertTrue(Files.isSymbolicLink(link));
    try (SafeTensors read = SafeTensors.read(file)) {
      assertArrayEquals(new float[] {2}, read.tensor("x").toFloats());
    }
  }

  private void assertOnlyFile(Path file) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(List.of(file), files.toList());
    }
  }

  private static Tensor zero() {
    return Tensor.zeros(1);
  }

  private static byte[] bytes(Tensor tensor) {
    byte[] bytes = new byte[(int) tensor.shape().size() * tensor.dtype().bytes()];
    tensor.copyTo(ByteBuffer.wrap(bytes), 0);
    return bytes;
  }

  private static Path golden(String name) {
    return Path.of(URI.create(SafeTensorsTest.class.getResource("/golden/" + name).toString()));
  }

  private Path write(String header, int... data) throws IOException {
    byte[] bytes = new byte[data.length];
    for (int i = 0; i < data.length; i++) {
      bytes[i] = (byte) data[i];
    }
    return Files.write(directory.resolve("file"), content(header, bytes));
  }

  private static byte[] content(String header, byte... data) {
    return content(header.replace('\'', '"').getBytes(StandardCharsets.UTF_8), data);
  }

  private static byte[] content(byte[] header, byte... data) {
    ByteBuffer content = ByteBuffer.allocate(8 + header.length + data.length);
    content.order(ByteOrder.LITTLE_ENDIAN).putLong(header.length);
    return content.put(header).put(data).array();
  }
}
