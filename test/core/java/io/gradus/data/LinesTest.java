package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Text lines and JSON lines. */
class LinesTest {

  @TempDir Path directory;

  private Path write(String text) throws IOException {
    return Files.writeString(directory.resolve("lines.jsonl"), text);
  }

  @Test
  void lines_end_with_or_without_a_return() throws IOException {
    assertEquals(
        List.of("one", "", "drei é", "four"), TextLines.read(write("one\n\ndrei é\r\nfour")));
    assertEquals(List.of("one"), TextLines.read(write("\ufeffone\n")));
    assertEquals(List.of(""), TextLines.read(write("\n")));
    assertEquals(List.of(), TextLines.read(write("")));
  }

  @Test
  void lines_are_read_by_number_from_files_of_any_length() throws IOException {
    List<String> expected =
        IntStream.range(0, 5_000).mapToObj(i -> "x".repeat(i % 97) + i).toList();
    Path file = write(String.join("\n", expected));
    try (TextLines lines = TextLines.open(file)) {
      assertEquals(5_000, lines.size());
      for (int i : new int[] {4_999, 0, 2_500, 17}) {
        assertEquals(expected.get(i), lines.get(i));
      }
      assertThrows(IndexOutOfBoundsException.class, () -> lines.get(5_000));
      assertThrows(IndexOutOfBoundsException.class, () -> lines.get(-1));
      try (var cut = new RandomAccessFile(file.toFile(), "rw")) {
        cut.setLength(100);
      }
      var error = assertThrows(IOException.class, () -> lines.get(4_999));
      assertEquals(
          "lines: cannot read line 5000 of " + file + ": the file was cut since it was opened",
          error.getMessage());
    }
  }

  @Test
  void bytes_that_are_not_utf8_are_refused_with_their_line() throws IOException {
    Path file = directory.resolve("latin");
    Files.write(file, "one\ngrün\n".getBytes(StandardCharsets.ISO_8859_1));
    var error = assertThrows(IOException.class, () -> TextLines.read(file));
    assertEquals(
        "lines: cannot read line 2 of " + file + ": not UTF-8; convert the file",
        error.getMessage());
    Files.write(file, new byte[] {0x1f, (byte) 0x8b, 8, 0});
    error = assertThrows(IOException.class, () -> TextLines.read(file));
    assertEquals("lines: gzipped: " + file + "; unpack it first", error.getMessage());
    error = assertThrows(IOException.class, () -> TextLines.read(directory));
    assertEquals("lines: not a regular file: " + directory, error.getMessage());
    Path missing = directory.resolve("missing");
    error = assertThrows(IOException.class, () -> JsonLines.open(missing));
    assertEquals("json lines: no such file: " + missing, error.getMessage());
  }

  @Test
  void a_line_of_absurd_length_is_refused() throws IOException {
    Path file = write("one\n");
    try (var sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(70 << 20);
    }
    var error = assertThrows(IOException.class, () -> TextLines.open(file));
    assertEquals(
        "lines: line too long: line 2 of " + file + " has more than 64 MiB", error.getMessage());
  }

  @Test
  void objects_have_values_of_every_kind() throws IOException {
    Path file =
        write(
            "{\"a\": 1, \"b\": -2.5, \"c\": \"x\\n\", \"d\": [true, null, {\"e\": 1e3}]}\r\n"
                + "{}\n{\"big\": 123456789012345678901234567890}\n \n\n");
    try (JsonLines lines = JsonLines.open(file)) {
      assertEquals(3, lines.size());
      Map<String, Object> first = lines.get(0);
      assertEquals(List.of("a", "b", "c", "d"), List.copyOf(first.keySet()));
      assertEquals(1L, first.get("a"));
      assertEquals(-2.5, first.get("b"));
      assertEquals("x\n", first.get("c"));
      assertEquals(Arrays.asList(true, null, Map.of("e", 1000.0)), first.get("d"));
      assertEquals(Map.of(), lines.get(1));
      assertEquals(Map.of("big", 123456789012345678901234567890.0), lines.get(2));
      assertThrows(IndexOutOfBoundsException.class, () -> lines.get(3));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"a": 1            | not JSON: Unexpected end-of-input
          {"a": 1}}          | not JSON: Unexpected close marker
          {"a": 1} {"b": 2}  | goes on after its object
          [1, 2]             | not a JSON object
          17                 | not a JSON object
          nonsense           | not JSON: Unrecognized token
          {"a": 1, "a": 2}   | not JSON: Duplicate field
          {"a": NaN}         | not JSON: Non-standard token
          """)
  void a_broken_line_is_refused_with_its_number(String line, String error) throws IOException {
    Path file = write("{\"a\": 0}\n" + line + "\n{\"a\": 0}\n");
    try (JsonLines lines = JsonLines.open(file)) {
      lines.get(0);
      var e = assertThrows(IOException.class, () -> lines.get(1));
      String begin = "json lines: cannot read line 2 of " + file + ": " + error;
      assertTrue(e.getMessage().startsWith(begin), e.getMessage());
    }
    assertThrows(IOException.class, () -> JsonLines.read(file));
  }

  @Test
  void an_empty_line_in_the_middle_is_refused() throws IOException {
    try (JsonLines lines = JsonLines.open(write("{}\n\n{}\n"))) {
      assertEquals(3, lines.size());
      assertThrows(IOException.class, () -> lines.get(1));
    }
  }

  @Test
  void deep_nesting_is_refused_before_the_stack_ends() throws IOException {
    try (JsonLines lines = JsonLines.open(write("{\"a\": " + "[".repeat(1_000_000)))) {
      assertThrows(IOException.class, () -> lines.get(0));
    }
  }

  @Test
  void junk_never_fails_otherwise() throws IOException {
    Random random = new Random(1);
    Path file = directory.resolve("junk");
    for (int i = 0; i < 500; i++) {
      byte[] junk = new byte[random.nextInt(60)];
      for (int j = 0; j < junk.length; j++) {
        junk[j] =
            random.nextInt(20) == 0
                ? (byte) random.nextInt()
                : (byte) "{}[]\":,1e-.tn\\u \n".charAt(random.nextInt(17));
      }
      Files.write(file, junk);
      try {
        JsonLines.read(file);
      } catch (IOException e) {
        assertTrue(e.getMessage().startsWith("json lines: "), e.getMessage());
        assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
      }
    }
  }

  @Test
  void flat_objects_make_a_table() throws IOException {
    Path file =
        write(
            "{\"n\": 1, \"t\": \"x\", \"m\": 1}\n{\"n\": 2.5, \"b\": true, \"m\": \"2\"}\n{\"n\": null}\n");
    Table table = JsonLines.read(file);
    assertEquals(List.of("n", "t", "m", "b"), List.copyOf(table.names()));
    assertArrayEquals(new double[] {1, 2.5, Double.NaN}, table.numbers("n"));
    assertArrayEquals(new String[] {"x", null, null}, table.texts("t"));
    assertArrayEquals(new String[] {null, "true", null}, table.texts("b"));
    assertFalse(table.isNumeric("m"));
    assertArrayEquals(new String[] {"1", "2", null}, table.texts("m"));
    Path nested = write("{\"n\": 1}\n{\"n\": [1]}\n");
    var error = assertThrows(IOException.class, () -> JsonLines.read(nested));
    assertEquals(
        "json lines: cannot read line 2 of "
            + nested
            + ": n is no single value; read it with JsonLines.open",
        error.getMessage());
    assertEquals(0, JsonLines.read(write("")).rows());
  }

  @Test
  void lines_become_examples_when_they_are_needed() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      text.append("{\"x\": [").append(i).append(", 1], \"label\": ").append(i % 3).append("}\n");
    }
    text.append("{\"x\": [0, 1], \"label\": oh}\n");
    Path file = write(text.toString());
    try (JsonLines lines = JsonLines.open(file)) {
      Dataset data =
          lines.examples(
              (object, seed) -> {
                List<?> x = (List<?>) object.get("x");
                float first = ((Number) x.get(0)).floatValue();
                Tensor input = Tensor.of(new float[] {first, (float) seed.uniform(0)});
                return Example.of(input, (Long) object.get("label"));
              });
      assertEquals(21, data.size());
      Batches batches = Batches.of(data.subset(IntStream.range(0, 20).asLongStream().toArray()), 4);
      List<Float> plain = new ArrayList<>();
      for (Batch batch : batches.shuffle(Seed.of(1)).epoch(0)) {
        assertEquals(2, batch.inputs().rank());
        for (int i = 0; i < 4; i++) {
          float x = batch.inputs().toFloats()[2 * i];
          assertEquals((long) x % 3, batch.targets().toLongs()[i]);
          plain.add(x);
        }
      }
      List<Float> prefetched = new ArrayList<>();
      for (Batch batch : batches.shuffle(Seed.of(1)).prefetch(3, 4).epoch(0)) {
        for (int i = 0; i < 4; i++) {
          prefetched.add(batch.inputs().toFloats()[2 * i]);
        }
      }
      assertEquals(plain, prefetched);
      var last = Batches.of(data, 4).prefetch(1, 1).epoch(0, 5);
      var error = assertThrows(UncheckedIOException.class, last::next);
      assertTrue(
          error.getMessage().startsWith("json lines: cannot read line 21 of " + file),
          error.getMessage());
    }
  }
}
