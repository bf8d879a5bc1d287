package io.gradus.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The logs of lines, and the reading of all kinds. */
class RunHistoryTest {

  enum Kind {
    TENSORBOARD,
    CSV,
    JSON_LINES;

    RunLog open(Path path) throws IOException {
      return switch (this) {
        case TENSORBOARD -> new TensorBoardLog(path);
        case CSV -> new CsvLog(path);
        case JSON_LINES -> new JsonLinesLog(path);
      };
    }
  }

  @TempDir private Path folder;

  private static Map<String, Double> values(String name, double value) {
    return Map.of(name, value);
  }

  @ParameterizedTest
  @EnumSource
  void every_kind_of_log_is_read_back(Kind kind) throws IOException {
    Path path = folder.resolve("made/for-it");
    try (RunLog log = kind.open(path);
        Tensor x = Tensor.zeros(2, 2)) {
      Map<String, Double> both = new LinkedHashMap<>();
      both.put("train/loss", 0.5);
      both.put("a \"name\", with commas", -1e-30);
      log.scalars(1, both);
      log.scalars(2, values("train/loss", Double.NaN));
      log.histogram(2, "weights", x);
      log.text(2, "sample", "NaN, \"x\"\nand more");
      log.scalars(3, values("later", Double.NEGATIVE_INFINITY));
      log.scalars(3, Map.of());
      log.flush();
      RunHistory history = RunHistory.read(path);
      assertEquals(Set.of("train/loss", "a \"name\", with commas", "later"), history.names());
      assertArrayEquals(new long[] {1, 2}, history.series("train/loss").steps());
      assertArrayEquals(new double[] {0.5, Double.NaN}, history.series("train/loss").values());
      assertEquals(-1e-30, history.series("a \"name\", with commas").values()[0], 1e-36);
      assertArrayEquals(new double[] {Double.NEGATIVE_INFINITY}, history.series("later").values());
      double age = System.currentTimeMillis() / 1e3 - history.series("later").wallTimes()[0];
      assertTrue(age >= 0 && age < 3600);
    }
  }

  @ParameterizedTest
  @EnumSource
  void a_run_that_goes_on_replaces_what_it_does_again(Kind kind) throws IOException {
    Path path = folder.resolve("log");
    for (int start : new int[] {0, 3, 2}) {
      try (RunLog log = kind.open(path)) {
        for (int step = start; step < 5; step++) {
          log.scalars(step, values("loss", 10 * start + step));
        }
      }
    }
    Series loss = RunHistory.read(path).series("loss");
    assertArrayEquals(new long[] {0, 1, 2, 3, 4}, loss.steps());
    assertArrayEquals(new double[] {0, 1, 22, 23, 24}, loss.values());
  }

  @ParameterizedTest
  @EnumSource(names = {"CSV", "JSON_LINES"})
  void a_log_that_is_cut_anywhere_is_read_and_gone_on_with(Kind kind) throws IOException {
    Path whole = folder.resolve("whole");
    try (RunLog log = kind.open(whole)) {
      for (int step = 1; step <= 3; step++) {
        log.scalars(step, values("loss", 0.123456));
      }
    }
    byte[] bytes = Files.readAllBytes(whole);
    Path cut = folder.resolve("cut");
    for (int length = 0; length <= bytes.length; length++) {
      Files.write(cut, Arrays.copyOf(bytes, length));
      long lines = new String(bytes, 0, length).chars().filter(c -> c == '\n').count();
      long steps = Math.max(0, kind == Kind.CSV ? lines - 1 : lines);
      RunHistory before = RunHistory.read(cut);
      assertEquals(steps, steps == 0 ? before.names().size() : before.series("loss").size());
      try (RunLog log = kind.open(cut)) {
        log.scalars(9, values("loss", 9));
      }
      assertEquals(steps + 1, RunHistory.read(cut).series("loss").size(), "of " + length);
    }
  }

  @Test
  void a_csv_log_has_a_column_for_each_name_and_widens() throws IOException {
    Path file = folder.resolve("log.csv");
    try (CsvLog log = new CsvLog(file)) {
      log.scalars(1, values("loss", 0.5));
      log.scalars(2, values("eval/loss", 0.25));
      log.scalars(3, values("loss", 0.125));
    }
    try (CsvLog log = new CsvLog(file)) { // knows its columns
      log.scalars(4, values("eval/loss", 0.1));
      log.scalars(5, values("größe", 1));
    }
    List<String> lines = Files.readAllLines(file);
    assertEquals("step,wall_time,loss,eval/loss,größe", lines.get(0));
    assertEquals(6, lines.size());
    String time = "[0-9]{10}\\.[0-9]{3}";
    assertTrue(lines.get(1).matches("1," + time + ",0\\.5"), lines.get(1));
    assertTrue(lines.get(2).matches("2," + time + ",,0\\.25"), lines.get(2));
    assertTrue(lines.get(3).matches("3," + time + ",0\\.125,"), lines.get(3));
    assertTrue(lines.get(5).matches("5," + time + ",,,1\\.0"), lines.get(5));
    try (var files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList());
    }
  }

  @Test
  void a_csv_log_that_a_spreadsheet_saved_is_gone_on_with() throws IOException {
    Path file = folder.resolve("log.csv");
    Files.writeString(file, "step,wall_time,\"loss\"\r\n1,2.0,0.5\r\n");
    try (CsvLog log = new CsvLog(file)) {
      log.scalars(2, values("more", 3));
    }
    RunHistory history = RunHistory.read(file);
    assertArrayEquals(new double[] {0.5}, history.series("loss").values());
    assertArrayEquals(new long[] {2}, history.series("more").steps());
    assertEquals("1,2.0,0.5", Files.readAllLines(file).get(1));
  }

  @Test
  void a_json_log_has_one_object_a_line() throws IOException {
    Path file = folder.resolve("log.jsonl");
    try (JsonLinesLog log = new JsonLinesLog(file);
        Tensor x = Tensor.of(new float[] {2, 2}, 2)) {
      log.scalars(1, values("loss", Double.NaN));
      log.text(2, "sample", "a\nb");
      log.histogram(3, "w", x);
    }
    List<String> lines = Files.readAllLines(file);
    assertEquals(3, lines.size());
    String begin = "\\{\"step\":%d,\"wall_time\":[0-9]{10}\\.[0-9]{3},";
    assertTrue(lines.get(0).matches(begin.formatted(1) + "\"loss\":\"NaN\"}"), lines.get(0));
    assertTrue(
        lines.get(1).matches(begin.formatted(2) + "\"texts\":\\{\"sample\":\"a\\\\nb\"}}"),
        lines.get(1));
    assertTrue(
        lines.get(2).contains("\"histograms\":{\"w\":{\"min\":2.0,\"max\":2.0,\"count\":2,"),
        lines.get(2));
  }

  @ParameterizedTest
  @EnumSource(names = {"CSV", "JSON_LINES"})
  void a_file_that_is_no_such_log_is_left_as_it_is(Kind kind) throws IOException {
    for (String content : new String[] {"precious", "precious\n", "{\"a\":1}\n", "step,loss\n"}) {
      Path file = Files.writeString(folder.resolve("other"), content);
      IOException e = assertThrows(IOException.class, () -> kind.open(file));
      assertTrue(e.getMessage().contains("not such a log: " + file), e::getMessage);
      assertEquals(content, Files.readString(file));
    }
    assertThrows(IOException.class, () -> kind.open(folder));
  }

  @ParameterizedTest
  @EnumSource
  void what_cannot_be_logged_changes_nothing(Kind kind) throws IOException {
    Path path = folder.resolve("log");
    RunLog log = kind.open(path);
    log.scalars(1, values("loss", 1));
    for (String name : new String[] {"", " ", "a\nb", "step", "wall_time"}) {
      var e =
          assertThrows(IllegalArgumentException.class, () -> log.scalars(2, values(name, 2)), name);
      assertTrue(e.getMessage().contains(": "), e::getMessage);
    }
    log.close();
    assertThrows(IOException.class, () -> log.scalars(3, values("new", 3)));
    RunHistory history = RunHistory.read(path);
    assertEquals(Set.of("loss"), history.names());
    assertEquals(1, history.series("loss").size());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "loss,accuracy~1,2~ | line 1: there is no column step",
        "step,loss~one,2~ | line 2: a step must be a whole number: one",
        "step,loss~1.5,2~ | line 2: a step must be a whole number: 1.5",
        "step,loss~1,2~2,x~ | line 3: not a number: x",
        "step,loss~1,2,3~ | line 2: it has 3 cells under 2 names",
        "loss,step~1~ | line 2: it has no step",
        "step,\"loss~1,2~ | line 1: a quoted cell does not end",
        "step,\"loss\"x~1,2~ | line 1: there is text behind a quoted cell",
        "{\"loss\":1}~ | line 1: it has no step",
        "{\"step\":1}~[]~ | line 2: it is no object",
        "{\"step\":1}{}~ | line 1: it is more than one object",
      })
  void a_broken_line_is_named(String content, String message) throws IOException {
    Path file = Files.writeString(folder.resolve("log"), content.replace('~', '\n'));
    IOException e = assertThrows(IOException.class, () -> RunHistory.read(file));
    assertEquals("log: broken: " + file + ": " + message, e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"step\":1,\"a\":}~",
        "{\"step\":\"x\"}~",
        "{\"step\":1e99}~",
        "{\"step\":1,\"a\":{\"b\":[}}~",
        "{\"step\":99999999999999999999}~",
        "{~",
      })
  void broken_json_is_an_exception_with_its_line(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("log"), content.replace('~', '\n'));
    IOException e = assertThrows(IOException.class, () -> RunHistory.read(file));
    assertTrue(e.getMessage().startsWith("log: broken: " + file + ": line 1: "), e::getMessage);
  }

  @Test
  void noise_is_refused() throws IOException {
    Random random = new Random(3);
    for (int i = 0; i < 300; i++) {
      byte[] noise = new byte[random.nextInt(200)];
      random.nextBytes(noise);
      Path file = Files.write(folder.resolve("noise"), noise);
      try {
        assertFalse(RunHistory.read(file).names().contains("loss"));
      } catch (IOException e) {
        assertTrue(e.getMessage().startsWith("log: broken: "), e::getMessage);
      }
    }
  }

  @Test
  void a_line_without_end_and_names_without_end_are_refused() throws IOException {
    byte[] line = new byte[2 << 20];
    Arrays.fill(line, (byte) '1');
    Path file = Files.write(folder.resolve("long"), line);
    IOException e = assertThrows(IOException.class, () -> RunHistory.read(file));
    assertTrue(e.getMessage().contains("line 1: it is longer than"), e::getMessage);
    StringBuilder names = new StringBuilder();
    for (int i = 0; i < 10_001; i++) {
      names.append("{\"step\":1,\"n").append(i).append("\":1}\n");
    }
    Files.writeString(file, names);
    e = assertThrows(IOException.class, () -> RunHistory.read(file));
    assertTrue(e.getMessage().endsWith("it has more than 10000 names"), e::getMessage);
  }

  @Test
  void a_folder_has_to_have_one_run() throws IOException {
    IOException e = assertThrows(IOException.class, () -> RunHistory.read(folder));
    assertTrue(e.getMessage().contains("no event file, no .csv and no .jsonl"), e::getMessage);
    try (CsvLog log = new CsvLog(folder.resolve("a.csv"))) {
      log.scalars(1, values("loss", 2));
    }
    assertEquals(1, RunHistory.read(folder).series("loss").size());
    Files.writeString(folder.resolve("b.jsonl"), "");
    e = assertThrows(IOException.class, () -> RunHistory.read(folder));
    assertTrue(e.getMessage().contains("has a.csv, b.jsonl; name the file"), e::getMessage);
    assertThrows(IOException.class, () -> RunHistory.read(folder.resolve("none")));
  }

  @Test
  void an_unknown_name_is_refused_with_the_known_ones() throws IOException {
    Path file = Files.writeString(folder.resolve("log"), "step,loss\n\n1,2\n");
    var e =
        assertThrows(
            IllegalArgumentException.class, () -> RunHistory.read(file).series("accuracy"));
    assertEquals(
        "log: nothing was measured under this name: accuracy; there are [loss]", e.getMessage());
  }

  @Test
  void smoothing_is_the_debiased_average_and_leaves_gaps() {
    Series series =
        new Series(
            "loss", new long[] {1, 2, 3, 4}, new double[4], new double[] {4, 2, Double.NaN, 1});
    double second = (0.5 * 0.5 * 4 + 0.5 * 2) / 0.75;
    double third = (0.25 * 0.5 * 4 + 0.5 * 0.5 * 2 + 0.5 * 1) / 0.875;
    assertArrayEquals(
        new double[] {4, second, Double.NaN, third}, series.smoothed(0.5).values(), 1e-15);
    assertArrayEquals(series.values(), series.smoothed(0).values());
    for (double weight : new double[] {-0.1, 1, Double.NaN}) {
      assertThrows(IllegalArgumentException.class, () -> series.smoothed(weight));
    }
  }
}
