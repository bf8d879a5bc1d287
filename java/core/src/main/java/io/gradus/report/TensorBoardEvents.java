package io.gradus.report;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Finds scalars, histograms and texts in the events of a file. */
final class TensorBoardEvents {

  // TensorFlow's DataType
  private static final int FLOAT = 1;
  private static final int DOUBLE = 2;
  private static final int STRING = 7;

  /** What a tensor says, if it is one number or text; else both are null. */
  private record Content(Double scalar, String text) {}

  private TensorBoardEvents() {}

  static void read(ProtoReader event, Consumer<TensorBoardReader.Value> to) throws IOException {
    double wallTime = 0;
    long step = 0;
    ProtoReader summary = null;
    while (event.next()) {
      switch (event.field()) {
        case TensorBoardFields.WALL_TIME -> wallTime = event.float64();
        case TensorBoardFields.STEP -> step = event.int64();
        case TensorBoardFields.SUMMARY -> summary = event.message();
        default -> event.skip();
      }
    }
    while (summary != null && summary.next()) {
      if (summary.field() == TensorBoardFields.VALUE) {
        value(wallTime, step, summary.message(), to);
      } else {
        summary.skip();
      }
    }
  }

  private static void value(
      double wallTime, long step, ProtoReader value, Consumer<TensorBoardReader.Value> to)
      throws IOException {
    String name = "";
    Double scalar = null;
    Histogram histogram = null;
    String text = null;
    while (value.next()) {
      switch (value.field()) {
        case TensorBoardFields.TAG -> name = value.text();
        case TensorBoardFields.SIMPLE_VALUE -> scalar = (double) value.float32();
        case TensorBoardFields.HISTO -> histogram = histogram(value.message());
        case TensorBoardFields.TENSOR -> {
          Content content = tensor(value.message());
          scalar = content.scalar();
          text = content.text();
        }
        default -> value.skip();
      }
    }
    if (scalar != null || histogram != null || text != null) {
      to.accept(new TensorBoardReader.Value(wallTime, step, name, scalar, histogram, text));
    }
  }

  private static Histogram histogram(ProtoReader histogram) throws IOException {
    double[] facts = new double[TensorBoardFields.SUM_SQUARES + 1]; // by the number of the field
    double[] limits = new double[0];
    double[] counts = new double[0];
    while (histogram.next()) {
      switch (histogram.field()) {
        case TensorBoardFields.MIN,
            TensorBoardFields.MAX,
            TensorBoardFields.NUM,
            TensorBoardFields.SUM,
            TensorBoardFields.SUM_SQUARES ->
            facts[histogram.field()] = histogram.float64();
        case TensorBoardFields.BUCKET_LIMIT -> limits = histogram.float64s(limits);
        case TensorBoardFields.BUCKET -> counts = histogram.float64s(counts);
        default -> histogram.skip();
      }
    }
    if (limits.length != counts.length) {
      throw new IOException(
          "a histogram has " + limits.length + " limits and " + counts.length + " counts");
    }
    return new Histogram(
        facts[TensorBoardFields.MIN],
        facts[TensorBoardFields.MAX],
        (long) facts[TensorBoardFields.NUM],
        facts[TensorBoardFields.SUM],
        facts[TensorBoardFields.SUM_SQUARES],
        limits,
        counts);
  }

  /** TensorFlow 2 writes scalars as tensors, and whoever writes texts does. */
  private static Content tensor(ProtoReader tensor) throws IOException {
    long type = 0;
    ByteBuffer numbers = ByteBuffer.allocate(0);
    StringBuilder text = new StringBuilder();
    while (tensor.next()) {
      switch (tensor.field()) {
        case TensorBoardFields.DTYPE -> type = tensor.int64();
        case TensorBoardFields.TENSOR_CONTENT,
            TensorBoardFields.FLOAT_VAL,
            TensorBoardFields.DOUBLE_VAL ->
            numbers = tensor.numbers();
        case TensorBoardFields.STRING_VAL ->
            text.append(text.isEmpty() ? "" : "\n")
                .append(StandardCharsets.UTF_8.decode(tensor.bytes()));
        default -> tensor.skip();
      }
    }
    int bytes = numbers.remaining();
    if (type == FLOAT && bytes == Float.BYTES) {
      return new Content((double) numbers.getFloat(), null);
    }
    if (type == DOUBLE && bytes == Double.BYTES) {
      return new Content(numbers.getDouble(), null);
    }
    return new Content(null, type == STRING ? text.toString() : null);
  }
}
