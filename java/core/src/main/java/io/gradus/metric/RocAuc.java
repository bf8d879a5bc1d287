package io.gradus.metric;

import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.Map;

/**
 * The area under the receiver operating characteristic, {@code rocAuc}: how probable it is that an
 * example of a class has a larger score for it than one of another class, where a tie counts half
 * (Hanley and McNeil 1982). Exact, from the ranks of all scores, which it keeps: 8 bytes each for
 * an example and class.
 */
public final class RocAuc implements Metric {

  private final int columns;
  private float[] scores = new float[0];
  private int[] labels = new int[0];
  private int count;

  private RocAuc(int columns) {
    this.columns = columns;
  }

  /** Of two classes: one score for each example, larger for class 1. */
  public static RocAuc binary() {
    return new RocAuc(1);
  }

  /**
   * Of several classes: each against the rest, and the mean of these. Classes without an example,
   * or without another's, are left out.
   */
  public static RocAuc oneVersusRest(int classes) {
    if (classes < 2) {
      throw new IllegalArgumentException("rocAuc: there must be 2 classes or more: " + classes);
    }
    return new RocAuc(classes);
  }

  /**
   * Adds scores.
   *
   * @param predictions (n) of two classes, else (n, classes); floating
   * @param targets (n), I32 or I64, in [0, classes)
   * @throws IndexOutOfBoundsException for a label outside; then nothing is counted
   */
  @Override
  public void add(Tensor predictions, Tensor targets) {
    boolean fits = predictions.rank() == (columns == 1 ? 1 : 2) && targets.rank() == 1;
    if (!fits
        || !predictions.dtype().isFloating()
        || predictions.dim(0) != targets.dim(0)
        || columns > 1 && predictions.dim(1) != columns) {
      throw new IllegalArgumentException(
          "rocAuc: predictions must be scores "
              + (columns == 1 ? "(n)" : "(n, " + columns + ")")
              + ", labels (n): "
              + predictions.describe()
              + " and "
              + targets.describe());
    }
    long[] more = Labels.within("rocAuc: labels", targets, Math.max(2, columns));
    int size = Math.multiplyExact(Math.addExact(count, more.length), columns);
    if (size > scores.length) {
      int room = (int) Math.min(Integer.MAX_VALUE - 8L, Math.max(size, 2L * scores.length));
      scores = Arrays.copyOf(scores, room);
      labels = Arrays.copyOf(labels, room / columns + 1);
    }
    float[] values = predictions.toFloats();
    System.arraycopy(values, 0, scores, count * columns, values.length);
    for (long label : more) {
      labels[count++] = (int) label;
    }
  }

  /** NaN where a class or the rest has no example, or where a score is NaN. */
  @Override
  public Map<String, Double> values() {
    if (columns == 1) {
      return Map.of("rocAuc", area(0, 1));
    }
    double sum = 0;
    int defined = 0;
    for (int c = 0; c < columns; c++) {
      if (examples(c) > 0 && examples(c) < count) {
        sum += area(c, c);
        defined++;
      }
    }
    return Map.of("rocAuc", sum / defined);
  }

  /** Of one class alone, against the rest. */
  public double area(int label) {
    return columns == 1 ? (label == 1 ? area(0, 1) : 1 - area(0, 1)) : area(label, label);
  }

  private long examples(int label) {
    return Arrays.stream(labels, 0, count).filter(own -> own == label).count();
  }

  /** (R - p (p + 1) / 2) / (p n), of p examples of a class whose ranks sum to R, and n others. */
  private double area(int column, int label) {
    long[] order = new long[count];
    for (int i = 0; i < count; i++) {
      float score = scores[i * columns + column];
      if (Float.isNaN(score)) {
        return Double.NaN;
      }
      order[i] = (long) sortable(score) << 32 | i;
    }
    Arrays.sort(order);
    long own = examples(label);
    double ranks = 0;
    for (int from = 0; from < count; ) {
      int to = from;
      long in = 0;
      while (to < count && order[to] >> 32 == order[from] >> 32) {
        in += labels[(int) order[to++]] == label ? 1 : 0;
      }
      ranks += in * ((from + 1 + to) / 2.0); // what is equal has one rank, the mean
      from = to;
    }
    return (ranks - own * (own + 1.0) / 2) / ((double) own * (count - own));
  }

  /** An integer in the order of the floats; -0 is 0. */
  private static int sortable(float score) {
    int bits = Float.floatToIntBits(score + 0f);
    return bits ^ (bits >> 31 & 0x7fffffff);
  }

  @Override
  public void reset() {
    scores = new float[0];
    labels = new int[0];
    count = 0;
  }
}
