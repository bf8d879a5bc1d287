package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IdxTest {

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void bytes_become_u8(boolean gzipped) throws IOException {
    Path file = write("00 00 08 02, 00 00 00 02, 00 00 00 03, 00 01 7f 80 fe ff", gzipped);
    try (Tensor tensor = Idx.read(file)) {
      assertEquals(DType.U8, tensor.dtype());
      assertEquals(Shape.of(2, 3), tensor.shape());
      assertArrayEquals(new byte[] {0, 1, 127, -128, -2, -1}, tensor.toBytes());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void big_endian_ints_become_i32(boolean gzipped) throws IOException {
    Path file = write("00 00 0c 01, 00 00 00 03, 01 02 03 04, ff ff ff fe, 80 00 00 00", gzipped);
    try (Tensor tensor = Idx.read(file)) {
      assertEquals(DType.I32, tensor.dtype());
      assertEquals(Shape.of(3), tensor.shape());
      assertArrayEquals(new int[] {0x01020304, -2, Integer.MIN_VALUE}, tensor.toInts());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void big_endian_floats_become_f32(boolean gzipped) throws IOException {
    Path file = write("00 00 0d 01, 00 00 00 02, 3f c0 00 00, c0 49 0f db", gzipped);
    try (Tensor tensor = Idx.read(file)) {
      assertEquals(DType.F32, tensor.dtype());
      assertArrayEquals(new float[] {1.5f, (float) -Math.PI}, tensor.toFloats());
    }
  }

  @Test
  void a_file_longer_than_any_buffer_keeps_its_order() throws IOException {
    int[] values = new Random(42).ints(700_001).toArray(); // 2.8 MB, and no multiple of a chunk
    ByteBuffer content = ByteBuffer.allocate(8 + 4 * values.length).putInt(0x0c01);
    content.putInt(values.length).asIntBuffer().put(values);
    for (boolean gzipped : new boolean[] {false, true}) {
      try (Tensor tensor = Idx.read(write(content.array(), gzipped))) {
        assertArrayEquals(values, tensor.toInts());
      }
    }
  }

  @Test
  void a_file_of_no_images_is_an_empty_tensor() throws IOException {
    try (Tensor tensor =
        Idx.read(write("00 00 08 03, 00 00 00 00, 00 00 00 1c, 00 00 00 1c", true))) {
      assertEquals(Shape.of(0, 28, 28), tensor.shape());
      assertArrayEquals(new byte[0], tensor.toBytes());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''                              | not an IDX file: FILE is empty; IDX starts with 00 00, a type and a rank
          00 00 08                        | not an IDX file: FILE starts with 00 00 08; IDX starts with 00 00, a type and a rank
          89 50 4e 47 0d 0a               | not an IDX file: FILE starts with 89 50 4e 47; IDX starts with 00 00, a type and a rank
          00 00 07 01 00 00 00 00         | unknown element type: FILE says 0x07
          00 00 09 01 00 00 00 01 00      | unsupported element type: FILE has i8; u8, i32 and f32 can be read
          00 00 0b 01 00 00 00 01 0000    | unsupported element type: FILE has i16; u8, i32 and f32 can be read
          00 00 0e 01 00 00 00 00         | unsupported element type: FILE has f64; u8, i32 and f32 can be read
          00 00 08 00 00                  | unsupported rank: FILE says 0; 1 to 8 can be read
          00 00 08 ff 00 00 00 00         | unsupported rank: FILE says 255; 1 to 8 can be read
          00 00 08 02 00 00 00 02 00 00   | cut short: FILE ends within the 2 sizes of its header; get the file again
          00 00 08 01 ff ff ff ff         | negative size: FILE says -1 for dimension 0
          00 00 08 02 00 00 00 01 80000000 | negative size: FILE says -2147483648 for dimension 1
          00 00 08 03 7fffffff 7fffffff 7fffffff | too many elements: FILE has the sizes 7f ff ff ff 7f ff ff ff 7f ff ff ff in hex
          00 00 0d 02 7fffffff 7fffffff   | too many elements: FILE has the sizes 7f ff ff ff 7f ff ff ff in hex
          00 00 08 02 7fffffff 7fffffff 00 | cut short: FILE has 1 of the 4611686014132420609 bytes of its u8 (2147483647, 2147483647); get the file again
          00 00 08 01 7fffffff            | cut short: FILE has 0 of the 2147483647 bytes of its u8 (2147483647); get the file again
          00 00 0c 01 00000001 00 00 00   | cut short: FILE has 3 of the 4 bytes of its i32 (1); get the file again
          00 00 08 02 00000002 00000001 00 00 00 | longer than its header says: FILE goes on after the 2 bytes of its u8 (2, 1)
          00 00 08 02 00000000 7fffffff 00 | longer than its header says: FILE goes on after the 0 bytes of its u8 (0, 2147483647)
          """)
  void a_broken_file_is_refused_by_what_is_wrong_with_it(String content, String error)
      throws IOException {
    for (boolean gzipped : new boolean[] {false, true}) {
      Path file = write(content, gzipped);
      IOException e = assertThrows(IOException.class, () -> Idx.read(file));
      assertEquals("idx: " + error.replace("FILE", file.toString()), e.getMessage());
    }
  }

  @Test
  void every_cut_of_a_gzipped_file_is_refused() throws IOException {
    byte[] whole = gzip(parse("00 00 08 02, 00 00 00 02, 00 00 00 03, 00 01 7f 80 fe ff"));
    for (int length = 2; length < whole.length; length++) {
      Path file = Files.write(directory.resolve("cut.gz"), Arrays.copyOf(whole, length));
      IOException e = assertThrows(IOException.class, () -> Idx.read(file), "length " + length);
      assertEquals(
          "idx: cut short: " + file + " ends within its gzip data; get the file again",
          e.getMessage());
    }
  }

  @Test
  void a_gzipped_file_with_a_flipped_bit_is_refused() throws IOException {
    byte[] content = gzip(parse("00 00 08 01, 00 00 00 04, 01 02 03 04"));
    content[content.length - 8] ^= 1; // the checksum
    Path file = Files.write(directory.resolve("flipped"), content);
    IOException e = assertThrows(IOException.class, () -> Idx.read(file));
    assertEquals(
        "idx: broken gzip data: "
            + file
            + " does not unpack (Corrupt GZIP trailer); get the file again",
        e.getMessage());
  }

  @Test
  void a_missing_file_and_a_directory_are_named() {
    Path missing = directory.resolve("missing");
    IOException e = assertThrows(IOException.class, () -> Idx.read(missing));
    assertEquals("idx: no such file: " + missing, e.getMessage());
    e = assertThrows(IOException.class, () -> Idx.read(directory));
    assertEquals("idx: not a regular file: " + directory, e.getMessage());
  }

  private Path write(String hex, boolean gzipped) throws IOException {
    return write(parse(hex), gzipped);
  }

  private Path write(byte[] content, boolean gzipped) throws IOException {
    // The name says the opposite of what is inside: only the content counts.
    Path file = directory.resolve(gzipped ? "images-idx" : "images-idx.gz");
    return Files.write(file, gzipped ? gzip(content) : content);
  }

  private static byte[] parse(String hex) {
    return HexFormat.of().parseHex(hex.replaceAll("[ ,]", ""));
  }

  private static byte[] gzip(byte[] content) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var out = new GZIPOutputStream(bytes)) {
      out.write(content);
    }
    return bytes.toByteArray();
  }
}
