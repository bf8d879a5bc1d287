package io.gradus.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.gradus.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * Writes a run as JSON Lines, one object a line, as {@code
 * {"step":10,"wall_time":1795350000.125,"train/loss":0.52}}. Pandas reads it with {@code
 * read_json(file, lines=True)}.
 *
 * <p>A histogram is an object of its own under {@code histograms}, a text under {@code texts}. JSON
 * has no NaN and no infinity: they are the strings {@code "NaN"}, {@code "Infinity"} and {@code
 * "-Infinity"}. Each line is handed to the system at once.
 */
public final class JsonLinesLog implements RunLog {

  private static final JsonFactory JSON = new JsonFactory();
  private static final String BEGIN = "{\"" + ScalarNames.STEP + "\":";

  static final String HISTOGRAMS = "histograms";
  static final String TEXTS = "texts";

  private interface Fields {
    void write(JsonGenerator to) throws IOException;
  }

  private final LogFile file;

  /**
   * Begins a file, or goes on with one of an earlier run. Half a line that a killed run left is cut
   * off; folders that are missing are made.
   *
   * @throws IOException where that fails, or the file is something else
   */
  public JsonLinesLog(Path file) throws IOException {
    this.file = LogFile.lines("jsonLines", file, BEGIN);
  }

  @Override
  public void scalars(long step, Map<String, Double> values) throws IOException {
    ScalarNames.check("jsonLines", values.keySet());
    if (values.isEmpty()) {
      return;
    }
    line(
        step,
        to -> {
          for (var value : values.entrySet()) {
            to.writeNumberField(value.getKey(), value.getValue()); // NaN in quotes
          }
        });
  }

  /**
   * Writes how the elements of a tensor are spread, in TensorBoard's buckets.
   *
   * @param values floating, of any shape; elements that are not finite are left out
   */
  @Override
  public void histogram(long step, String name, Tensor values) throws IOException {
    ScalarNames.check("jsonLines", name);
    Histogram h = Histogram.of(values);
    line(
        step,
        to -> {
          to.writeObjectFieldStart(HISTOGRAMS);
          to.writeObjectFieldStart(name);
          to.writeNumberField("min", h.min());
          to.writeNumberField("max", h.max());
          to.writeNumberField("count", h.count());
          to.writeNumberField("sum", h.sum());
          to.writeNumberField("sum_squares", h.sumSquares());
          to.writeFieldName("limits");
          to.writeArray(h.limits(), 0, h.limits().length);
          to.writeFieldName("counts");
          to.writeArray(h.counts(), 0, h.counts().length);
          to.writeEndObject();
          to.writeEndObject();
        });
  }

  @Override
  public void text(long step, String name, String text) throws IOException {
    ScalarNames.check("jsonLines", name);
    line(
        step,
        to -> {
          to.writeObjectFieldStart(TEXTS);
          to.writeStringField(name, text);
          to.writeEndObject();
        });
  }

  private void line(long step, Fields fields) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator to = JSON.createGenerator(bytes)) {
      to.writeStartObject();
      to.writeNumberField(ScalarNames.STEP, step);
      to.writeFieldName(ScalarNames.WALL_TIME);
      to.writeNumber(ScalarNames.wallTime());
      fields.write(to);
      to.writeEndObject();
    }
    bytes.write('\n');
    file.write(bytes.toByteArray());
  }

  /** Nothing is held back, so there is nothing to do. */
  @Override
  public void flush() {}

  @Override
  public void close() throws IOException {
    file.close();
  }
}
