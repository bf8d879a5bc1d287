package io.gradus.op;

import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One operand of a row, as the table writes it:
 *
 * <ul>
 *   <li>{@code 2x3}, {@code ()}: numbers of the type under test in this shape
 *   <li>{@code 2x3:i64}: numbers of just this type
 *   <li>{@code 4<7}: indices from 0 to 6
 *   <li>{@code 4=9}: the index 9, four times
 *   <li>{@code 2x3?}: a mask
 * </ul>
 *
 * @param type null where it is the type under test
 * @param indices whether it holds indices, whose type is chosen apart
 * @param from the smallest value of indices, masks and integers
 * @param to one more than the largest
 */
record Operand(Shape shape, DType type, boolean indices, int from, int to) {

  private static final Pattern TEXT =
      Pattern.compile("(\\(\\)|[0-9x]+)(?::(\\w+)|<([0-9]+)|=(-?[0-9]+)|(\\?))?");

  static List<Operand> parse(String operands) {
    return Arrays.stream(operands.split(" ")).map(Operand::one).toList();
  }

  private static Operand one(String text) {
    Matcher m = TEXT.matcher(text);
    if (!m.matches()) {
      throw new IllegalArgumentException("not an operand: " + text);
    }
    Shape shape = shape(m.group(1));
    if (m.group(2) != null) {
      return new Operand(shape, DType.valueOf(m.group(2).toUpperCase(Locale.ROOT)), false, 0, 5);
    } else if (m.group(3) != null) {
      return new Operand(shape, null, true, 0, Integer.parseInt(m.group(3)));
    } else if (m.group(4) != null) {
      int index = Integer.parseInt(m.group(4));
      return new Operand(shape, null, true, index, index + 1);
    } else if (m.group(5) != null) {
      return new Operand(shape, DType.U8, false, 0, 2);
    }
    return new Operand(shape, null, false, 0, 0);
  }

  private static Shape shape(String text) {
    return text.equals("()")
        ? Shape.of()
        : Shape.of(Arrays.stream(text.split("x")).mapToLong(Long::parseLong).toArray());
  }

  /** Whether the operand is of the type under test, and gradients are asked of it. */
  boolean varies() {
    return type == null && !indices;
  }

  /** Numbers for this operand; {@code domain} makes those that the row has a say in. */
  Doubles values(Domain domain, DType tested, SplittableRandom random) {
    double[] values = new double[(int) shape.size()];
    if (varies()) {
      domain.fill(values, tested, random);
    } else {
      for (int i = 0; i < values.length; i++) {
        values[i] = from + random.nextInt(Math.max(1, to - from));
      }
    }
    return new Doubles(shape, values);
  }
}
