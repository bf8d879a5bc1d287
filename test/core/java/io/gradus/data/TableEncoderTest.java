package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TableEncoderTest {

  private static final double NAN = Double.NaN;

  private static Table table(Object... namesAndColumns) {
    Map<String, Object> columns = new LinkedHashMap<>();
    for (int i = 0; i < namesAndColumns.length; i += 2) {
      columns.put((String) namesAndColumns[i], namesAndColumns[i + 1]);
    }
    return Table.of("test.csv", columns);
  }

  private static String[] texts(String... texts) {
    return texts;
  }

  private static double[] numbers(double... numbers) {
    return numbers;
  }

  private final Table train =
      table(
          "size", numbers(1, 2, 6),
          "color", texts("red", "blue", "red"),
          "kind", texts("b", "a", "b"));

  @Test
  void texts_become_categories_and_the_label_a_class() {
    TableEncoder encoder = TableEncoder.builder("kind").build(train);
    TensorDataset data = encoder.encode(train);
    assertEquals(Shape.of(3, 3), data.inputs().shape());
    assertArrayEquals(new float[] {1, 0, 1, 2, 1, 0, 6, 0, 1}, data.inputs().toFloats());
    assertArrayEquals(new long[] {1, 0, 1}, data.labels().toLongs());
    assertEquals(Categories.of(List.of("a", "b")), encoder.classes());
    assertEquals(List.of("blue", "red"), encoder.categories("color").names());
    assertNull(encoder.categories("size"));
    assertEquals(3, encoder.width());
  }

  @Test
  void later_tables_are_encoded_as_the_first() {
    TableEncoder encoder = TableEncoder.builder("kind").standardize().build(train);
    TensorDataset data =
        encoder.encode(table("kind", texts("b"), "color", texts("blue"), "size", numbers(3)));
    // The mean of 1, 2 and 6 is 3.
    assertArrayEquals(new float[] {0, 1, 0}, data.inputs().toFloats());
    assertArrayEquals(new long[] {1}, data.labels().toLongs());
    float[] own = encoder.encode(train).inputs().toFloats();
    double deviation = Math.sqrt((4 + 1 + 9) / 3.0);
    assertEquals(-2 / deviation, own[0], 1e-6);
    assertEquals(3 / deviation, own[6], 1e-6);
  }

  @Test
  void a_number_is_a_target_or_with_classes_a_class() {
    TensorDataset regression = TableEncoder.builder("size").build(train).encode(train);
    assertEquals(DType.F32, regression.labels().dtype());
    assertEquals(Shape.of(3, 1), regression.labels().shape());
    assertArrayEquals(new float[] {1, 2, 6}, regression.labels().toFloats());
    TableEncoder encoder = TableEncoder.builder("size").classes().features("color").build(train);
    assertArrayEquals(new long[] {0, 1, 2}, encoder.encode(train).labels().toLongs());
    assertEquals(List.of("1", "2", "6"), encoder.classes().names());
    assertEquals(2, encoder.width());
  }

  @Test
  void what_is_missing_is_filled_dropped_or_refused() {
    Table holes =
        table(
            "size", numbers(1, NAN, 3),
            "color", texts("red", "blue", null),
            "kind", texts("a", "b", "a"));
    TableEncoder refusing = TableEncoder.builder("kind").build(holes);
    assertEquals(
        "table: size of row 1 is missing in test.csv; drop such rows with withoutMissing() or fill"
            + " inputs with fillMissing()",
        assertThrows(IllegalArgumentException.class, () -> refusing.encode(holes)).getMessage());
    assertArrayEquals(
        new float[] {1, 0, 1}, refusing.encode(holes.withoutMissing()).inputs().toFloats());
    TableEncoder filling = TableEncoder.builder("kind").fillMissing().build(holes);
    assertArrayEquals(
        new float[] {1, 0, 1, 2, 1, 0, 3, 0, 0}, filling.encode(holes).inputs().toFloats());
    Table noLabel = table("size", numbers(1), "color", texts("red"), "kind", texts((String) null));
    assertThrows(IllegalArgumentException.class, () -> filling.encode(noLabel));
    Table noNumber = table("size", numbers(NAN), "color", texts("red"), "kind", texts("a"));
    TableEncoder regression = TableEncoder.builder("size").fillMissing().build(train);
    assertThrows(IllegalArgumentException.class, () -> regression.encode(noNumber));
    // A column in which all is missing has the mean 0, and a deviation of 0 divides nothing.
    TableEncoder empty = TableEncoder.builder("kind").fillMissing().standardize().build(noNumber);
    assertArrayEquals(new float[] {0, 1}, empty.encode(noNumber).inputs().toFloats());
  }

  @Test
  void what_was_not_learned_is_refused() {
    TableEncoder encoder = TableEncoder.builder("kind").build(train);
    assertEquals(
        "table: color of row 0 is none of the categories that were learned: green in test.csv;"
            + " known are [blue, red]",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    encoder.encode(
                        table("size", numbers(1), "color", texts("green"), "kind", texts("a"))))
            .getMessage());
    assertEquals(
        "table: there is no column color in test.csv; there are [size, kind]",
        assertThrows(
                IllegalArgumentException.class,
                () -> encoder.encode(table("size", numbers(1), "kind", texts("a"))))
            .getMessage());
    assertEquals(
        "table: size has texts, not numbers: test.csv",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    encoder.encode(
                        table("size", texts("1"), "color", texts("red"), "kind", texts("a"))))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> TableEncoder.builder("none").build(train));
    assertThrows(
        IllegalArgumentException.class,
        () -> TableEncoder.builder("kind").build(train.select("kind")));
  }

  @Test
  void tables_can_be_cut_by_columns_and_rows() {
    assertEquals(List.of("kind", "size"), List.copyOf(train.select("kind", "size").names()));
    assertEquals(List.of("color"), List.copyOf(train.without("kind", "size").names()));
    Table rows = train.take(2, 0, 2);
    assertArrayEquals(numbers(6, 1, 6), rows.numbers("size"));
    assertArrayEquals(texts("red", "red", "red"), rows.texts("color"));
    assertArrayEquals(texts("6", "1", "6"), rows.texts("size"));
    assertThrows(IndexOutOfBoundsException.class, () -> train.take(3));
    assertThrows(IllegalArgumentException.class, () -> train.without("none"));
    assertThrows(IllegalArgumentException.class, () -> table("a", numbers(1), "b", numbers(1, 2)));
    assertThrows(IllegalArgumentException.class, () -> Categories.of(List.of("a", "a")));
    assertEquals(-1, Categories.in("b", null, "a").id("c"));
    assertEquals("b", Categories.in("b", null, "a").name(1));
  }
}
