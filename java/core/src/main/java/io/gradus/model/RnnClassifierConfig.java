package io.gradus.model;

import io.gradus.data.ConfigFile;
import java.io.IOException;
import java.nio.file.Path;

/**
 * What an {@link RnnClassifier} is made of.
 *
 * @param vocabulary the number of tokens
 * @param width the size of a token's vector
 * @param cell what goes along the sequence
 * @param hidden the size of its state, of one direction
 * @param layers how many of them
 * @param bidirectional whether each has a second half that goes back in time
 * @param pooling what the classes are told by
 * @param classes how many
 * @param dropout the probability behind the embedding, between layers and before the head
 */
public record RnnClassifierConfig(
    int vocabulary,
    int width,
    Cell cell,
    int hidden,
    int layers,
    boolean bidirectional,
    Pooling pooling,
    int classes,
    double dropout) {

  /** A kind of recurrent layer. */
  public enum Cell {
    /** {@link io.gradus.nn.Rnn} with tanh. */
    RNN,
    /** {@link io.gradus.nn.Lstm}. */
    LSTM,
    /** {@link io.gradus.nn.Gru}. */
    GRU
  }

  /** How a sequence becomes one vector. */
  public enum Pooling {
    /** The last state of the last layer, of both directions side by side. */
    LAST,
    /** The mean of the last layer's states over the times that count. */
    MEAN
  }

  /** Checks sizes and dropout. */
  public RnnClassifierConfig {
    check(vocabulary >= 1, "vocabulary", "must be positive", vocabulary);
    check(width >= 1, "width", "must be positive", width);
    check(hidden >= 1, "hidden", "must be positive", hidden);
    check(layers >= 1, "layers", "must be positive", layers);
    check(classes >= 1, "classes", "must be positive", classes);
    check(dropout >= 0 && dropout < 1, "dropout", "must lie in [0, 1)", dropout);
  }

  private static void check(boolean right, String name, String rule, Object value) {
    if (!right) {
      throw new IllegalArgumentException("rnn classifier: " + name + " " + rule + ": " + value);
    }
  }

  /** One layer of an LSTM forward in time, its last state, without dropout. */
  public static RnnClassifierConfig lstm(int vocabulary, int width, int hidden, int classes) {
    return new RnnClassifierConfig(
        vocabulary, width, Cell.LSTM, hidden, 1, false, Pooling.LAST, classes, 0);
  }

  /** With another kind of cell. */
  public RnnClassifierConfig withCell(Cell cell) {
    return of(values().replace("cell", cell));
  }

  /** With so many layers, forward only or in both directions. */
  public RnnClassifierConfig withLayers(int layers, boolean bidirectional) {
    return of(values().replace("layers", layers).replace("bidirectional", bidirectional));
  }

  /** With another pooling. */
  public RnnClassifierConfig withPooling(Pooling pooling) {
    return of(values().replace("pooling", pooling));
  }

  /** With another probability of dropout. */
  public RnnClassifierConfig withDropout(double dropout) {
    return of(values().replace("dropout", dropout));
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IOException where the file is missing, broken or describes no model
   */
  public static RnnClassifierConfig read(Path file) throws IOException {
    return ConfigFile.read(file, "rnn", RnnClassifierConfig::of);
  }

  /** Writes the configuration as JSON, {@code {"type": "rnn", "vocabulary": 30522, ...}}. */
  public void write(Path file) throws IOException {
    values().write(file);
  }

  private ConfigFile values() {
    return new ConfigFile("rnn")
        .put("vocabulary", vocabulary)
        .put("width", width)
        .put("cell", cell)
        .put("hidden", hidden)
        .put("layers", layers)
        .put("bidirectional", bidirectional)
        .put("pooling", pooling)
        .put("classes", classes)
        .put("dropout", dropout);
  }

  private static RnnClassifierConfig of(ConfigFile values) {
    return new RnnClassifierConfig(
        values.integer("vocabulary"),
        values.integer("width"),
        values.choice("cell", Cell.class),
        values.integer("hidden"),
        values.integer("layers"),
        values.flag("bidirectional"),
        values.choice("pooling", Pooling.class),
        values.integer("classes"),
        values.number("dropout"));
  }
}
