package io.gradus.optim;

import io.gradus.tensor.Tensor;
import java.util.function.DoubleFunction;

/**
 * A line search for a point where the loss has fallen enough and its slope has become small enough:
 * the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 3.5 and 3.6), step for step that
 * of PyTorch's LBFGS.
 */
final class StrongWolfe {

  private static final double ENOUGH_FALL = 1e-4;
  private static final double SMALL_SLOPE = 0.9;
  private static final int MOST = 25;

  /** A point of the line: how far along, the loss, its slope along the line, its gradient. */
  record Point(double t, double value, double slope, Tensor gradient) {}

  private final DoubleFunction<Point> line;
  private final Point start;
  private final double length;
  private final double tolerance;
  private int evaluations;

  /**
   * @param line evaluates a point
   * @param start the point at 0, whose slope is negative
   * @param length the largest element of the direction
   * @param tolerance ends the search where the bracket, times the length, is smaller
   */
  StrongWolfe(DoubleFunction<Point> line, Point start, double length, double tolerance) {
    this.line = line;
    this.start = start;
    this.length = length;
    this.tolerance = tolerance;
  }

  /** How many points were evaluated. */
  int evaluations() {
    return evaluations;
  }

  /** The best point, of which {@code t} is the first that is tried. */
  Point search(double t) {
    Point before = start;
    Point here = at(t);
    for (int i = 0; i < MOST; i++) {
      if (isTooHigh(here) || i > 1 && here.value() >= before.value()) {
        return zoom(before, here);
      }
      if (isFlat(here)) {
        return here;
      }
      if (here.slope() >= 0) {
        return zoom(before, here);
      }
      double least = here.t() + 0.01 * (here.t() - before.t());
      double next = interpolate(before, here, least, 10 * here.t());
      before = here;
      here = at(next);
    }
    return start.value() <= here.value() ? start : here;
  }

  private Point at(double t) {
    evaluations++;
    return line.apply(t);
  }

  private boolean isTooHigh(Point p) {
    return !(p.value() <= start.value() + ENOUGH_FALL * p.t() * start.slope()); // so NaN is
  }

  private boolean isFlat(Point p) {
    return Math.abs(p.slope()) <= -SMALL_SLOPE * start.slope();
  }

  /** Narrows a bracket that has such a point inside. */
  private Point zoom(Point a, Point b) {
    Point low = b.value() < a.value() ? b : a;
    Point high = low == a ? b : a;
    boolean slow = false;
    while (evaluations <= MOST && !(Math.abs(high.t() - low.t()) * length < tolerance)) {
      double left = Math.min(low.t(), high.t());
      double right = Math.max(low.t(), high.t());
      double t = interpolate(low, high, left, right);
      double margin = 0.1 * (right - left);
      if (Math.min(right - t, t - left) < margin) {
        if (slow || t >= right || t <= left) {
          t = Math.abs(t - right) < Math.abs(t - left) ? right - margin : left + margin;
          slow = false;
        } else {
          slow = true;
        }
      } else {
        slow = false;
      }
      Point next = at(t);
      if (isTooHigh(next) || next.value() >= low.value()) {
        high = next.value() < low.value() ? low : next;
        low = high == low ? next : low;
      } else if (isFlat(next)) {
        return next;
      } else {
        if (next.slope() * (high.t() - low.t()) >= 0) {
          high = low;
        }
        low = next;
      }
    }
    return low;
  }

  /** The minimum of the cubic through two points and their slopes, kept within bounds. */
  private static double interpolate(Point a, Point b, double least, double most) {
    double d1 = a.slope() + b.slope() - 3 * (a.value() - b.value()) / (a.t() - b.t());
    double square = d1 * d1 - a.slope() * b.slope();
    double d2 = Math.sqrt(square); // NaN where there is no minimum, or a loss that is not finite
    Point left = a.t() <= b.t() ? a : b;
    Point right = left == a ? b : a;
    double t =
        right.t()
            - (right.t() - left.t())
                * ((right.slope() + d2 - d1) / (right.slope() - left.slope() + 2 * d2));
    return Double.isNaN(t) ? (least + most) / 2 : Math.min(Math.max(t, least), most);
  }
}
