package io.gradus.tensor;

import java.util.Locale;

/** Writes a tensor's values for people: nested brackets, and the ends only of long axes. */
final class TensorText {

  private static final int EDGE = 3;
  private static final int WHOLE = 1000; // tensors up to this size are shown in full

  private final Tensor tensor;
  private final boolean whole;
  private final StringBuilder text = new StringBuilder();

  private TensorText(Tensor tensor) {
    this.tensor = tensor;
    this.whole = tensor.size() <= WHOLE;
  }

  static String values(Tensor tensor) {
    TensorText writer = new TensorText(tensor);
    writer.axis(0, 0);
    return writer.text.toString();
  }

  /**
   * Writes the part of the tensor that begins at element {@code first} and spans the axes from
   * here.
   */
  private void axis(int axis, long first) {
    Shape shape = tensor.shape();
    if (axis == shape.rank()) {
      text.append(element(first));
      return;
    }
    long length = shape.dim(axis);
    long step = shape.size(axis + 1, shape.rank());
    String separator = axis == shape.rank() - 1 ? ", " : ",\n" + " ".repeat(axis + 1);
    text.append('[');
    for (long i = 0; i < length; i++) {
      if (i > 0) {
        text.append(separator);
      }
      if (!whole && length > 2 * EDGE && i == EDGE) {
        text.append("...").append(separator);
        i = length - EDGE;
      }
      axis(axis + 1, first + i * step);
    }
    text.append(']');
  }

  private String element(long index) {
    try (Tensor one = tensor.view(Shape.of(), index)) {
      return switch (tensor.dtype()) {
        case I32 -> Integer.toString(one.toInts()[0]);
        case I64 -> Long.toString(one.toLongs()[0]);
        case U8 -> Integer.toString(one.toBytes()[0] & 0xff);
        default -> number(one.toFloats()[0]);
      };
    }
  }

  private static String number(float value) {
    if (Float.isNaN(value) || Float.isInfinite(value)) {
      return Float.toString(value);
    }
    float size = Math.abs(value);
    boolean plain = value == 0 || size >= 1e-3f && size < 1e6f;
    return String.format(Locale.ROOT, plain ? "%.4f" : "%.4e", value);
  }
}
