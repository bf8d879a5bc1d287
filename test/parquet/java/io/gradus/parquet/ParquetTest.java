package io.gradus.parquet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import blue.strategic.parquet.ParquetWriter;
import io.gradus.data.Table;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The tables that PyArrow wrote are those of {@code golden/tables.py}. */
class ParquetTest {

  private static final int N = 50;

  @TempDir Path directory;

  private Path golden(String name) throws IOException {
    Path file = directory.resolve(name);
    try (InputStream in = ParquetTest.class.getResourceAsStream("/golden/" + name)) {
      assertNotNull(in, name);
      Files.write(file, in.readAllBytes());
    }
    return file;
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "snappy", "gzip", "zstd", "lz4"})
  void what_pyarrow_wrote_is_read(String compression) throws IOException {
    Table table = Parquet.read(golden(compression + ".parquet"));
    assertEquals(N, table.rows());
    assertEquals(
        List.of(
            "i8", "u32", "i64", "u64", "f32", "f64", "decimal", "text", "boolean", "date", "raw"),
        List.copyOf(table.names()));
    double[] i8 = table.numbers("i8");
    double[] u32 = table.numbers("u32");
    double[] i64 = table.numbers("i64");
    double[] u64 = table.numbers("u64");
    double[] f32 = table.numbers("f32");
    double[] f64 = table.numbers("f64");
    double[] decimal = table.numbers("decimal");
    String[] text = table.texts("text");
    String[] bool = table.texts("boolean");
    String[] date = table.texts("date");
    String[] raw = table.texts("raw");
    for (int i = 0; i < N; i++) {
      assertEquals(i - 25, i8[i]);
      assertEquals(4_294_967_295.0 - i, u32[i]);
      assertEquals(i % 7 == 6 ? Double.NaN : i * 1e10, i64[i]);
      assertEquals(0x1p64 - 4_096.0 * (i + 1), u64[i]);
      assertEquals(i / 8.0, f32[i]);
      assertEquals(i % 5 == 4 ? Double.NaN : i * 0.1, f64[i]);
      assertEquals((i - 10) / 100.0, decimal[i], 1e-12);
      if (i % 4 == 3) {
        assertNull(text[i]);
      } else {
        assertEquals("tëxt " + i % 3, text[i]);
      }
      assertEquals(i % 2 == 0 ? "true" : "false", bool[i]);
      assertEquals("r" + i, raw[i]);
    }
    assertEquals("2026-01-01", date[0]);
    assertEquals("2026-02-19", date[49]);
  }

  @Test
  void some_columns_can_be_read_alone() throws IOException {
    Table table = Parquet.read(golden("zstd.parquet"), "text", "i8");
    assertEquals(List.of("text", "i8"), List.copyOf(table.names()));
    assertEquals(N, table.rows());
    assertEquals(24, table.numbers("i8")[49]);
    Path nested = golden("nested.parquet");
    assertArrayEquals(new double[] {1, 2}, Parquet.read(nested, "flat").numbers("flat"));
    var error = assertThrows(IOException.class, () -> Parquet.read(nested));
    assertEquals(
        "parquet: nested column: "
            + nested
            + " has nested.list.element; read only the columns that are not nested",
        error.getMessage());
    assertThrows(IOException.class, () -> Parquet.read(nested, "flat", "struct"));
    error = assertThrows(IOException.class, () -> Parquet.read(nested, "none"));
    assertEquals(
        "parquet: no such column: " + nested + " has no none, but [flat, nested, struct]",
        error.getMessage());
  }

  @Test
  void what_javas_writer_wrote_is_read() throws IOException {
    Path file = directory.resolve("java.parquet");
    var schema =
        MessageTypeParser.parseMessageType(
            "message m { required int32 n; required binary t (STRING); required double x; }");
    try (ParquetWriter<Integer> writer =
        ParquetWriter.writeFile(
            schema,
            file.toFile(),
            (i, row) -> {
              row.write("n", i);
              row.write("t", "x" + i);
              row.write("x", i / 4.0);
            })) {
      for (int i = 0; i < 3_000; i++) {
        writer.write(i);
      }
    }
    Table table = Parquet.read(file);
    assertEquals(3_000, table.rows());
    assertEquals(2_999, table.numbers("n")[2_999]);
    assertEquals("x2998", table.texts("t")[2_998]);
    assertEquals(1.75, table.numbers("x")[7]);
  }

  @Test
  void a_file_that_is_cut_short_is_refused() throws IOException {
    byte[] whole = Files.readAllBytes(golden("snappy.parquet"));
    Path file = directory.resolve("cut.parquet");
    for (int length = 0; length < whole.length; length += 97) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertRefused(file);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "snappy", "zstd"})
  void a_file_with_wrong_bytes_fails_as_a_file_or_not_at_all(String compression)
      throws IOException {
    byte[] whole = Files.readAllBytes(golden(compression + ".parquet"));
    Path file = directory.resolve("broken.parquet");
    Random random = new Random(3);
    for (int i = 0; i < 300; i++) {
      byte[] broken = whole.clone();
      // Most of them in the footer, which says where everything is.
      int from = i % 3 == 0 ? 0 : whole.length - 4_000;
      for (int j = 0; j < 1 + i % 4; j++) {
        broken[Math.max(0, from) + random.nextInt(whole.length - Math.max(0, from))] ^=
            (byte) (1 << random.nextInt(8));
      }
      Files.write(file, broken);
      try {
        Parquet.read(file);
      } catch (IOException e) {
        assertTrue(e.getMessage().startsWith("parquet: "), e.getMessage());
        assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
      }
    }
  }

  @Test
  void a_footer_of_absurd_length_is_refused() throws IOException {
    byte[] whole = Files.readAllBytes(golden("none.parquet"));
    for (int length : new int[] {Integer.MAX_VALUE, -1, 0, whole.length}) {
      byte[] broken = whole.clone();
      ByteBuffer.wrap(broken).order(ByteOrder.LITTLE_ENDIAN).putInt(whole.length - 8, length);
      assertRefused(Files.write(directory.resolve("footer.parquet"), broken));
    }
  }

  @Test
  void what_is_no_parquet_file_is_named() throws IOException {
    assertRefused(Files.writeString(directory.resolve("text.parquet"), "a,b\n1,2\n"));
    assertRefused(Files.write(directory.resolve("empty.parquet"), new byte[0]));
    byte[] junk = new byte[10_000];
    new Random(1).nextBytes(junk);
    assertRefused(Files.write(directory.resolve("junk.parquet"), junk));
    Path missing = directory.resolve("missing");
    var error = assertThrows(IOException.class, () -> Parquet.read(missing));
    assertEquals("parquet: no such file: " + missing, error.getMessage());
    error = assertThrows(IOException.class, () -> Parquet.read(directory));
    assertEquals("parquet: not a regular file: " + directory, error.getMessage());
  }

  private static void assertRefused(Path file) {
    var error = assertThrows(IOException.class, () -> Parquet.read(file));
    assertTrue(
        error.getMessage().startsWith("parquet: cannot read " + file + ": "), error.getMessage());
  }
}
