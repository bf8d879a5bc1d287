package io.gradus.data;

import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes numbers of a table's columns, for training and for later data in the same way: what it
 * learns from one table, categories, means and deviations, it applies to others.
 *
 * <pre>{@code
 * TableEncoder encoder = TableEncoder.builder("species").standardize().build(train);
 * TensorDataset data = encoder.encode(train);
 * TensorDataset held = encoder.encode(test);
 * }</pre>
 *
 * <p>A column of numbers becomes one input, a column of texts as many as it has categories: 1 for
 * its own, 0 for the others.
 */
public final class TableEncoder {

  /**
   * How the numbers of a column become inputs: what is missing is {@code mean}, and then it is
   * {@code (x - mean) / deviation}, unless deviation is 0.
   */
  private record Numbers(double mean, double deviation) {}

  private final String label;
  private final Categories classes; // null where the label is a number
  private final Map<String, Object> features; // Numbers or Categories
  private final boolean standardize;
  private final boolean fillMissing;

  private TableEncoder(Builder builder, Table table) {
    label = builder.label;
    standardize = builder.standardize;
    fillMissing = builder.fillMissing;
    boolean asClasses = builder.classes || !table.isNumeric(label);
    classes = asClasses ? table.categories(label) : null;
    features = new LinkedHashMap<>();
    List<String> names =
        builder.features != null
            ? builder.features
            : table.names().stream().filter(name -> !name.equals(label)).toList();
    for (String name : names) {
      features.put(
          name, table.isNumeric(name) ? numbers(table.numbers(name)) : table.categories(name));
    }
    if (features.isEmpty()) {
      throw new IllegalArgumentException("table: there is no column but " + label);
    }
  }

  /** Says how a table is to be encoded, before it is known. */
  public static final class Builder {
    private final String label;
    private List<String> features;
    private boolean classes;
    private boolean standardize;
    private boolean fillMissing;

    private Builder(String label) {
      this.label = label;
    }

    /** Only these columns are inputs; without it all but the label. */
    public Builder features(String... names) {
      features = List.of(names);
      return this;
    }

    /** The label is a class even where its column has numbers. */
    public Builder classes() {
      classes = true;
      return this;
    }

    /** Numbers get mean 0 and deviation 1 over the table that the encoder is built from. */
    public Builder standardize() {
      standardize = true;
      return this;
    }

    /**
     * A number that is missing becomes the mean, a text no category; without it they are refused.
     */
    public Builder fillMissing() {
      fillMissing = true;
      return this;
    }

    /**
     * Learns categories, means and deviations.
     *
     * @throws IllegalArgumentException where a column is not in the table
     */
    public TableEncoder build(Table table) {
      return new TableEncoder(this, table);
    }
  }

  /**
   * Begins with the column that a model should answer with: its texts become classes, its numbers
   * stay numbers.
   */
  public static Builder builder(String label) {
    return new Builder(label);
  }

  private static Numbers numbers(double... values) {
    double[] there = Arrays.stream(values).filter(x -> !Double.isNaN(x)).toArray();
    double mean = Arrays.stream(there).average().orElse(0);
    double variance = Arrays.stream(there).map(x -> (x - mean) * (x - mean)).average().orElse(0);
    return new Numbers(mean, Math.sqrt(variance));
  }

  /** The classes of the label in the order of their numbers; null where it is a number. */
  public Categories classes() {
    return classes;
  }

  /** The categories of a column of texts, or null where it has numbers. */
  public Categories categories(String feature) {
    return features.get(feature) instanceof Categories categories ? categories : null;
  }

  /** The number of inputs. */
  public int width() {
    return features.values().stream()
        .mapToInt(feature -> feature instanceof Categories categories ? categories.size() : 1)
        .sum();
  }

  /**
   * The rows of a table as examples.
   *
   * @return inputs F32 (rows, {@link #width()}); labels I64 (rows) for classes, else F32 (rows, 1)
   * @throws IllegalArgumentException where a column is missing or of another type, a value is
   *     missing, or a text is none of the categories that were learned
   */
  public TensorDataset encode(Table table) {
    int width = width();
    float[] inputs = new float[Math.multiplyExact(table.rows(), width)];
    int column = 0;
    for (var feature : features.entrySet()) {
      String name = feature.getKey();
      if (feature.getValue() instanceof Categories categories) {
        String[] texts = table.texts(name);
        for (int row = 0; row < texts.length; row++) {
          int id = id(table, name, texts[row], row, categories, fillMissing);
          if (id >= 0) {
            inputs[row * width + column + id] = 1;
          }
        }
        column += categories.size();
      } else {
        put(table, name, (Numbers) feature.getValue(), inputs, column++, width);
      }
    }
    return new TensorDataset(Tensor.of(inputs, table.rows(), width), labels(table));
  }

  private void put(
      Table table, String name, Numbers numbers, float[] inputs, int column, int width) {
    double[] values = table.numbers(name);
    for (int row = 0; row < values.length; row++) {
      double x = values[row];
      if (Double.isNaN(x)) {
        checkMissing(table, name, row, fillMissing);
        x = numbers.mean;
      }
      if (standardize) {
        x = numbers.deviation == 0 ? 0 : (x - numbers.mean) / numbers.deviation;
      }
      inputs[row * width + column] = (float) x;
    }
  }

  private Tensor labels(Table table) {
    if (classes == null) {
      double[] values = table.numbers(label);
      float[] labels = new float[values.length];
      for (int row = 0; row < labels.length; row++) {
        if (Double.isNaN(values[row])) {
          checkMissing(table, label, row, false);
        }
        labels[row] = (float) values[row];
      }
      return Tensor.of(labels, labels.length, 1);
    }
    String[] texts = table.texts(label);
    long[] labels = new long[texts.length];
    for (int row = 0; row < labels.length; row++) {
      labels[row] = id(table, label, texts[row], row, classes, false);
    }
    return Tensor.of(labels);
  }

  private static int id(
      Table table, String name, String text, int row, Categories categories, boolean fill) {
    if (text == null) {
      checkMissing(table, name, row, fill);
      return -1;
    }
    int id = categories.id(text);
    if (id < 0) {
      throw new IllegalArgumentException(
          "table: "
              + name
              + " of row "
              + row
              + " is none of the categories that were learned: "
              + text
              + " in "
              + table.source()
              + "; known are "
              + categories);
    }
    return id;
  }

  private static void checkMissing(Table table, String name, int row, boolean fill) {
    if (!fill) {
      throw new IllegalArgumentException(
          "table: "
              + name
              + " of row "
              + row
              + " is missing in "
              + table.source()
              + "; drop such rows with withoutMissing() or fill inputs with fillMissing()");
    }
  }
}
