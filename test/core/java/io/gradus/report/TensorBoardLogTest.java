package io.gradus.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.report.TensorBoardReader.Value;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorBoardLogTest {

  /** The first record: 12 bytes of head, an event, 4 of its checksum. */
  private static final int FIRST = 12 + 9 + 2 + 15 + 4;

  @TempDir private Path folder;

  private static List<Value> read(Path file) throws IOException {
    List<Value> values = new ArrayList<>();
    TensorBoardReader.read(file, values::add);
    return values;
  }

  private Path scalars(int steps) throws IOException {
    try (TensorBoardLog log = new TensorBoardLog(folder)) {
      for (int step = 0; step < steps; step++) {
        log.scalars(step, Map.of("loss", 1.0 / (step + 1)));
      }
      return log.file();
    }
  }

  @Test
  void what_is_written_is_read_back() throws IOException {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("train/loss", 0.5);
    values.put("größe", Double.NaN);
    values.put("up", Double.POSITIVE_INFINITY);
    double before = System.currentTimeMillis() / 1e3;
    try (TensorBoardLog log = new TensorBoardLog(folder.resolve("made/for it"));
        Tensor x = Tensor.of(new float[] {-1, 0, 0, 1, 1.5f, Float.NaN}, 2, 3)) {
      log.scalars(0, values);
      log.scalars(-7, Map.of("train/loss", 0.25));
      log.scalars(1L << 40, Map.of("train/loss", 1 / 3.0));
      log.histogram(3, "0.weight", x);
      log.text(4, "sample", "# Title\nÄ line");
      List<Value> read = read(log.file()); // while it is open
      assertEquals(7, read.size());
      assertEquals(
          List.of("train/loss", "größe", "up"), read.stream().limit(3).map(Value::name).toList());
      assertEquals(
          List.of(0.5, Double.NaN, Double.POSITIVE_INFINITY, 0.25, (double) (float) (1 / 3.0)),
          read.stream().limit(5).map(Value::scalar).toList());
      assertEquals(
          List.of(0L, 0L, 0L, -7L, 1L << 40, 3L, 4L), read.stream().map(Value::step).toList());
      for (Value value : read) {
        assertTrue(value.wallTime() >= before && value.wallTime() < before + 3600);
      }
      Histogram histogram = read.get(5).histogram();
      assertEquals("0.weight", read.get(5).name());
      assertEquals(5, histogram.count());
      assertEquals(1.5, histogram.sum());
      assertArrayEquals(Histogram.of(x).limits(), histogram.limits());
      assertArrayEquals(Histogram.of(x).counts(), histogram.counts());
      assertEquals("# Title\nÄ line", read.get(6).text());
    }
  }

  /** Of golden/event_files.py: old and new kinds of scalars. */
  @Test
  void what_tensorboard_writes_is_read() throws IOException, URISyntaxException {
    Path golden =
        Path.of(getClass().getResource("/golden/tensorboard/events.out.tfevents.1").toURI());
    List<Value> values = read(golden);
    assertEquals(
        List.of("old", "new", "double", "histogram", "text"),
        values.stream().map(Value::name).toList());
    assertEquals(List.of(1L, 2L, 3L, 4L, 5L), values.stream().map(Value::step).toList());
    assertEquals(0.5, values.get(0).scalar());
    assertEquals(0.25, values.get(1).scalar());
    assertEquals(0.1, values.get(2).scalar());
    assertEquals(1.5, values.get(0).wallTime());
    assertEquals("first\nsecond", values.get(4).text());
    Histogram histogram = values.get(3).histogram();
    assertEquals(6, histogram.count());
    assertEquals(3.75, histogram.sum());
    assertArrayEquals(new double[] {-1, 0.5, 2, 4}, histogram.limits());
    assertArrayEquals(new double[] {1, 2, 0, 3}, histogram.counts());
  }

  @Test
  void each_log_of_a_folder_has_a_file_of_its_own() throws IOException {
    Path first = scalars(3);
    Path second = scalars(5);
    assertTrue(first.compareTo(second) < 0, first + " and " + second);
    Series loss = RunHistory.read(folder).series("loss");
    assertArrayEquals(new long[] {0, 1, 2, 3, 4}, loss.steps());
  }

  @Test
  void a_file_that_is_cut_anywhere_is_read_as_far_as_it_is_whole() throws IOException {
    byte[] bytes = Files.readAllBytes(scalars(4));
    int record = (bytes.length - FIRST) / 4;
    for (int length = 0; length <= bytes.length; length++) {
      Path cut = folder.resolve("cut.tfevents");
      Files.write(cut, Arrays.copyOf(bytes, length));
      int whole = length < FIRST ? 0 : (length - FIRST) / record;
      assertEquals(whole, read(cut).size(), "of " + length + " bytes");
    }
  }

  @Test
  void a_flipped_bit_is_found_wherever_it_is() throws IOException {
    byte[] bytes = Files.readAllBytes(scalars(3));
    for (int at = 0; at < bytes.length; at++) {
      byte[] flipped = bytes.clone();
      flipped[at] ^= (byte) (1 << at % 8);
      Path file = Files.write(folder.resolve("flipped.tfevents"), flipped);
      IOException e = assertThrows(IOException.class, () -> read(file), "byte " + at);
      assertTrue(
          e.getMessage().startsWith("tensorBoard: broken event file: " + file), e::getMessage);
    }
  }

  /** Checksums that fit do not make an event that does. */
  @Test
  void events_of_noise_are_refused_or_read_and_nothing_else() throws IOException {
    Random random = new Random(7);
    Path file = folder.resolve("noise.tfevents");
    for (int i = 0; i < 3000; i++) {
      byte[] noise = new byte[1 + random.nextInt(60)];
      random.nextBytes(noise);
      noise[0] = 0x2a; // a summary, so that more of it is looked at
      Files.write(file, record(noise));
      try {
        read(file);
      } catch (IOException e) {
        assertTrue(e.getMessage().startsWith("tensorBoard: broken event file"), e::getMessage);
      }
    }
  }

  private static byte[] record(byte[] event) {
    ByteBuffer record = ByteBuffer.allocate(event.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(event.length);
    record.putInt(masked(record.array(), 8));
    record.put(event);
    record.putInt(masked(event, event.length));
    return record.array();
  }

  private static int masked(byte[] bytes, int length) {
    var crc = new java.util.zip.CRC32C();
    crc.update(bytes, 0, length);
    int value = (int) crc.getValue();
    return (value >>> 15 | value << 17) + 0xa282ead8;
  }

  @Test
  void a_length_that_is_claimed_takes_no_memory() throws IOException {
    for (long claimed : new long[] {Long.MAX_VALUE, -1, 1L << 40}) {
      ByteBuffer head = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putLong(claimed);
      head.putInt(masked(head.array(), 8));
      Path file = Files.write(folder.resolve("long.tfevents"), head.array());
      if (claimed < 0) {
        assertThrows(IOException.class, () -> read(file));
      } else {
        assertEquals(List.of(), read(file));
      }
    }
  }

  @Test
  void an_event_too_long_for_a_scalar_is_passed_over_but_checked() throws IOException {
    byte[] picture = new byte[(1 << 24) + 5];
    Path file = folder.resolve("picture.tfevents");
    byte[] record = record(picture);
    byte[] scalar = Files.readAllBytes(scalars(1));
    byte[] all = Arrays.copyOf(record, record.length + scalar.length);
    System.arraycopy(scalar, 0, all, record.length, scalar.length);
    Files.write(file, all);
    assertEquals(1, read(file).size());
    all[1 << 24] ^= 1;
    Files.write(file, all);
    assertThrows(IOException.class, () -> read(file));
  }

  @Test
  void what_is_no_event_file_is_refused() throws IOException {
    Path text =
        Files.write(
            folder.resolve("a.tfevents"), "step,loss\n1,0.5\n".getBytes(StandardCharsets.US_ASCII));
    IOException e = assertThrows(IOException.class, () -> read(text));
    assertTrue(e.getMessage().endsWith("this is no event file"), e::getMessage);
    assertThrows(IOException.class, () -> read(folder.resolve("missing")));
    assertThrows(IOException.class, () -> read(folder));
  }

  @Test
  void names_that_no_log_can_hold_are_refused_before_anything_is_written() throws IOException {
    try (TensorBoardLog log = new TensorBoardLog(folder)) {
      for (String name : new String[] {"", " ", "a\nb", "step", "wall_time"}) {
        Map<String, Double> values = Map.of("good", 1.0, name, 2.0);
        assertThrows(IllegalArgumentException.class, () -> log.scalars(1, values), name);
      }
      assertEquals(List.of(), read(log.file()));
    }
  }

  @Test
  void a_closed_log_says_so_and_closing_twice_is_harmless() throws IOException {
    TensorBoardLog log = new TensorBoardLog(folder);
    log.close();
    log.close();
    IOException e = assertThrows(IOException.class, () -> log.scalars(1, Map.of("a", 1.0)));
    assertEquals("tensorBoard: it is closed: " + log.file(), e.getMessage());
  }

  @Test
  void a_folder_that_is_a_file_is_refused() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertThrows(IOException.class, () -> new TensorBoardLog(file));
  }

  @Test
  void a_histogram_counts_each_finite_element_in_the_bucket_that_it_lies_in() {
    Random random = new Random(1);
    float[] values = new float[(1 << 20) + 13]; // one past a chunk
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(40) - 20));
    }
    values[5] = Float.NEGATIVE_INFINITY;
    try (Tensor x = Tensor.of(values, values.length)) {
      Histogram h = Histogram.of(x);
      double[] counts = new double[h.limits().length];
      double sum = 0;
      for (float value : values) {
        int bucket = 0;
        while (bucket < counts.length && value >= h.limits()[bucket]) {
          bucket++;
        }
        if (Float.isFinite(value)) {
          counts[bucket]++;
          sum += value;
        }
      }
      assertArrayEquals(counts, h.counts());
      assertEquals(values.length - 1, h.count());
      assertEquals(sum, h.sum());
      for (int i = 1; i < counts.length; i++) {
        assertTrue(counts[i] > 0 || counts[i - 1] > 0, "two empty buckets at " + i);
      }
    }
  }

  @Test
  void a_histogram_of_nothing_and_one_of_integers() {
    try (Tensor none = Tensor.zeros(0, 3);
        Tensor half = Tensor.full(0.5, Shape.of(3), DType.BF16, Device.cpu());
        Tensor ids = Tensor.of(new int[] {1, 2}, 2)) {
      assertEquals(0, Histogram.of(none).count());
      assertEquals(1, Histogram.of(none).limits().length);
      assertEquals(1.5, Histogram.of(half).sum());
      assertThrows(IllegalArgumentException.class, () -> Histogram.of(ids));
    }
  }
}
