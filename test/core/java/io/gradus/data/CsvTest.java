package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CsvTest {

  private static final double NAN = Double.NaN;

  @TempDir Path directory;

  private Path write(String text) throws IOException {
    return Files.writeString(directory.resolve("table.csv"), text);
  }

  private static byte[] gzip(byte[] content) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var out = new GZIPOutputStream(bytes)) {
      out.write(content);
    }
    return bytes.toByteArray();
  }

  @Test
  void columns_are_numbers_or_texts() throws IOException {
    Table table =
        Csv.withHeader()
            .read(
                write(
                    """
                    length,kind,remark,zip
                    5.1,setosa,"a ""quoted"", text",01234
                    -3e2,virginica,"two
                    lines",7
                     +4 ,setosa,é,8
                    """));
    assertEquals(List.of("length", "kind", "remark", "zip"), List.copyOf(table.names()));
    assertEquals(3, table.rows());
    assertTrue(table.isNumeric("length"));
    assertArrayEquals(new double[] {5.1, -300, 4}, table.numbers("length"));
    assertFalse(table.isNumeric("kind"));
    assertArrayEquals(new String[] {"setosa", "virginica", "setosa"}, table.texts("kind"));
    assertArrayEquals(
        new String[] {"a \"quoted\", text", "two\nlines", "é"}, table.texts("remark"));
    assertArrayEquals(new double[] {1234, 7, 8}, table.numbers("zip"));
    assertEquals(List.of("setosa", "virginica"), table.categories("kind").names());
    Table texts = Csv.withHeader().texts("zip").read(directory.resolve("table.csv"));
    assertArrayEquals(new String[] {"01234", "7", "8"}, texts.texts("zip"));
  }

  @Test
  void values_can_be_missing() throws IOException {
    Path file = write("a,b,c\n1,x,\nNA,,null\n3,n/a,NaN\n");
    Table table = Csv.withHeader().read(file);
    assertArrayEquals(new double[] {1, NAN, 3}, table.numbers("a"));
    assertArrayEquals(new String[] {"x", null, null}, table.texts("b"));
    assertArrayEquals(new double[] {NAN, NAN, NAN}, table.numbers("c"));
    Table other = Csv.withHeader().missing("NA").read(file);
    assertArrayEquals(new String[] {"x", "", "n/a"}, other.texts("b"));
    assertArrayEquals(new String[] {"", "null", "NaN"}, other.texts("c"));
    Table marks = Csv.withoutHeader("a", "b").missing("?").read(write("1,?\n?,2\n"));
    assertArrayEquals(new double[] {1, NAN}, marks.numbers("a"));
    assertArrayEquals(new double[] {NAN, 2}, marks.numbers("b"));
  }

  @Test
  void what_java_takes_for_a_number_and_nobody_else_is_a_text() throws IOException {
    Table table = Csv.withHeader().read(write("a,b,c,d,e\n1f,0x1p3,Infinity,1-2,--\n"));
    for (String name : table.names()) {
      assertFalse(table.isNumeric(name), name);
    }
  }

  @Test
  void files_differ_in_separators_ends_of_lines_and_names() throws IOException {
    Table table = Csv.withoutHeader().separator(';').read(write("1;2,5\r\n3;4,5"));
    assertEquals(List.of("0", "1"), List.copyOf(table.names()));
    assertArrayEquals(new double[] {1, 3}, table.numbers("0"));
    assertArrayEquals(new String[] {"2,5", "4,5"}, table.texts("1"));
    assertArrayEquals(
        new double[] {2},
        Csv.withHeader().separator('\t').read(write("\ufeffa\tb\n1\t2\n\n")).numbers("b"));
    assertArrayEquals(new double[] {1}, Csv.withHeader().read(write("\ufeffa\n1\n")).numbers("a"));
    assertEquals(0, Csv.withHeader().read(write("a,b\n")).rows());
  }

  @Test
  void a_gzipped_file_is_unpacked() throws IOException {
    StringBuilder text = new StringBuilder("a,b\n");
    for (int i = 0; i < 5_000; i++) {
      text.append(i).append(",text").append(i % 3).append('\n');
    }
    byte[] packed = gzip(text.toString().getBytes(StandardCharsets.UTF_8));
    Path file = Files.write(directory.resolve("table.csv"), packed);
    Table table = Csv.withHeader().read(file);
    assertEquals(5_000, table.rows());
    assertEquals(4_999, table.numbers("a")[4_999]);
    Files.write(file, Arrays.copyOf(packed, packed.length / 2));
    var error = assertThrows(IOException.class, () -> Csv.withHeader().read(file));
    assertTrue(error.getMessage().startsWith("csv: cannot read " + file + " after line "));
    assertTrue(error.getMessage().endsWith("; get the file again"), error.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''                 | no rows: FILE is empty
          a,b\\n1,2\\n3\\n    | rows differ in length: FILE has 1 cells in line 3, and 2 columns
          a,b\\n1,2\\n3,4,5   | rows differ in length: FILE has 3 cells in line 3, and 2 columns
          a,b,a\\n1,2,3       | two columns of one name: FILE has [a, b, a]
          """)
  void a_broken_table_is_refused(String content, String error) throws IOException {
    Path file = write(content.replace("\\n", "\n"));
    var e = assertThrows(IOException.class, () -> Csv.withHeader().read(file));
    assertEquals("csv: " + error.replace("FILE", file.toString()), e.getMessage());
  }

  @Test
  void a_quote_that_does_not_close_is_refused_with_its_line() throws IOException {
    Path file = write("a,b\n1,2\n3,\"4\n5,6\n");
    var error = assertThrows(IOException.class, () -> Csv.withHeader().read(file));
    assertTrue(
        error.getMessage().startsWith("csv: cannot read " + file + " after line 2: "),
        error.getMessage());
  }

  @Test
  void other_encodings_are_refused_and_not_guessed() throws IOException {
    Path file = directory.resolve("latin.csv");
    Files.write(file, "a\ngrün\n".getBytes(StandardCharsets.ISO_8859_1));
    var error = assertThrows(IOException.class, () -> Csv.withHeader().read(file));
    assertTrue(error.getMessage().contains("not UTF-8; convert the file"), error.getMessage());
    assertTrue(error.getMessage().contains(file.toString()), error.getMessage());
    Files.write(file, "a\n1\n".getBytes(StandardCharsets.UTF_16));
    assertThrows(IOException.class, () -> Csv.withHeader().read(file));
  }

  @Test
  void a_row_without_end_is_refused_and_needs_no_memory() throws IOException {
    Path file = directory.resolve("packed.csv");
    Files.write(file, gzip(new byte[100 << 20])); // 100 KB
    var error = assertThrows(IOException.class, () -> Csv.withHeader().read(file));
    assertTrue(error.getMessage().contains(file.toString()), error.getMessage());
  }

  @Test
  void junk_is_refused_or_read_but_never_fails_otherwise() throws IOException {
    Random random = new Random(1);
    Path file = directory.resolve("junk.csv");
    for (int i = 0; i < 300; i++) {
      byte[] junk = new byte[random.nextInt(200)];
      random.nextBytes(junk);
      for (int j = 0; j < junk.length; j++) {
        if (random.nextInt(3) > 0) {
          junk[j] = (byte) ",\"\n\r;1ax".charAt(random.nextInt(8));
        }
      }
      Files.write(file, junk);
      try {
        Csv.withHeader().read(file);
      } catch (IOException e) {
        assertTrue(e.getMessage().startsWith("csv: "), e.getMessage());
        assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
      }
    }
  }

  @Test
  void what_is_no_file_or_no_column_is_named() throws IOException {
    Path missing = directory.resolve("missing");
    var error = assertThrows(IOException.class, () -> Csv.withHeader().read(missing));
    assertEquals("csv: no such file: " + missing, error.getMessage());
    error = assertThrows(IOException.class, () -> Csv.withHeader().read(directory));
    assertEquals("csv: not a regular file: " + directory, error.getMessage());
    Path file = write("a,b\n1,2\n");
    error = assertThrows(IOException.class, () -> Csv.withHeader().texts("c").read(file));
    assertEquals("csv: no such column: " + file + " has no c, but [a, b]", error.getMessage());
    error = assertThrows(IOException.class, () -> Csv.withoutHeader("a").read(file));
    assertEquals(
        "csv: rows differ in length: " + file + " has 2 cells in line 1, and 1 columns",
        error.getMessage());
  }
}
