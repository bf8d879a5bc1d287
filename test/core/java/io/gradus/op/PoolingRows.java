package io.gradus.op;

import static io.gradus.op.Row.one;

import io.gradus.tensor.Shape;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;

/** The rows of {@link OpTable} for {@link Pooling}, and their formulas. */
final class PoolingRows {

  private static final PoolingOptions USUAL = PoolingOptions.kernel(2);
  private static final PoolingOptions OVERLAPPING = PoolingOptions.kernel(3).stride(2).padding(1);
  private static final PoolingOptions UNEVEN =
      PoolingOptions.kernel(2, 3).stride(3, 1).padding(1, 0).ceil(true);

  private PoolingRows() {}

  static List<Row> rows() {
    String[] images = {"2x3x4x4", "1x1x7x5", "2x2x3x9", "0x2x4x4", "1x2x33x34"};
    String[] sequences = {"2x3x4", "1x1x7", "2x2x33", "0x2x4"};
    return List.of(
        max(USUAL)
            .shapes(images)
            .rejects(
                "2x3x4", "maxPool2d: the input must be (batch, channels, height, width): (2, 3, 4)")
            .rejects(
                "2x3x0x4",
                "maxPool2d: a plane must have one element or more, and less than 2^31: (2, 3, 0, 4)")
            .rejects(
                "2x3x4x1",
                "maxPool2d: the kernel is larger than the padded input: width 2 and 1; pad more or"
                    + " take a smaller kernel")
            .rejects(
                "2x3x4x4",
                x -> Pooling.maxPool2d(x[0], PoolingOptions.kernel(0)),
                "pooling: kernel must be 1 or more: 0 x 0")
            .rejects(
                "2x3x4x4",
                x -> Pooling.maxPool2d(x[0], PoolingOptions.kernel(2).stride(0, 1)),
                "pooling: stride must be 1 or more: 0 x 1")
            .rejects(
                "2x3x4x4",
                x -> Pooling.maxPool2d(x[0], PoolingOptions.kernel(3).padding(2)),
                "pooling: padding must be half a window at most: 2 beside a window of 3; pad the"
                    + " input itself where more is meant"),
        max(OVERLAPPING).shapes(images),
        max(UNEVEN).shapes(images),
        max(PoolingOptions.kernel(3).stride(1).dilation(2).padding(2)).shapes(images),
        one(
                "maxPool1d",
                x -> Pooling.maxPool1d(x, OVERLAPPING),
                x -> flat(x, y -> max(y, PoolingOptions.kernel(1, 3).stride(1, 2).padding(0, 1))))
            .domain(Domain.distinct())
            .shapes(sequences)
            .rejects(
                "2x3x4x4", "maxPool1d: the input must be (batch, channels, width): (2, 3, 4, 4)"),
        average(USUAL)
            .shapes(images)
            .rejects(
                "2x3x4x4",
                x -> Pooling.avgPool2d(x[0], USUAL.dilation(2)),
                "avgPool2d: averages have no dilation: 2 x 2; leave it at 1"),
        average(OVERLAPPING).shapes(images),
        average(OVERLAPPING.countPadding(false)).shapes(images),
        average(UNEVEN).shapes(images),
        average(UNEVEN.countPadding(false)).shapes(images),
        one(
                "avgPool1d",
                x -> Pooling.avgPool1d(x, OVERLAPPING),
                x ->
                    flat(
                        x, y -> average(y, PoolingOptions.kernel(1, 3).stride(1, 2).padding(0, 1))))
            .tolerance(1e-6, 1e-6)
            .shapes(sequences),
        shared(1, 1)
            .shapes(images)
            .rejects(
                "2x3x4x4",
                x -> Pooling.adaptiveAvgPool2d(x[0], 0, 1),
                "adaptiveAvgPool2d: output sizes must be positive: 0 x 1"),
        shared(2, 3).shapes(images),
        shared(5, 4).shapes(images),
        one(
                "adaptiveAvgPool1d",
                x -> Pooling.adaptiveAvgPool1d(x, 3),
                x -> flat(x, y -> shared(y, 1, 3)))
            .tolerance(1e-6, 1e-6)
            .shapes(sequences));
  }

  private static Row max(PoolingOptions options) {
    return one("maxPool2d", x -> Pooling.maxPool2d(x, options), x -> max(x, options))
        .domain(Domain.distinct());
  }

  private static Row average(PoolingOptions options) {
    return one("avgPool2d", x -> Pooling.avgPool2d(x, options), x -> average(x, options))
        .tolerance(1e-6, 1e-6);
  }

  private static Row shared(int height, int width) {
    return one(
            "adaptiveAvgPool2d",
            x -> Pooling.adaptiveAvgPool2d(x, height, width),
            x -> shared(x, height, width))
        .tolerance(1e-6, 1e-6);
  }

  /** A sequence is an image of one row. */
  private static Doubles flat(Doubles x, UnaryOperator<Doubles> ofImages) {
    Doubles y = ofImages.apply(x.reshape(Shape.of(x.dim(0), x.dim(1), 1, x.dim(2))));
    return y.reshape(Shape.of(y.dim(0), y.dim(1), y.dim(3)));
  }

  private static Doubles max(Doubles x, PoolingOptions o) {
    return slid(
        x,
        o,
        (top, left) ->
            i -> {
              double best = Double.NEGATIVE_INFINITY;
              for (int j = 0; j < o.kernel().height(); j++) {
                for (int k = 0; k < o.kernel().width(); k++) {
                  long row = top + (long) j * o.dilation().height();
                  long column = left + (long) k * o.dilation().width();
                  if (row >= 0 && row < x.dim(2) && column >= 0 && column < x.dim(3)) {
                    best = Math.max(best, x.at(i[0], i[1], row, column));
                  }
                }
              }
              return best;
            });
  }

  private static Doubles average(Doubles x, PoolingOptions o) {
    return slid(
        x,
        o,
        (top, left) ->
            i -> {
              double sum = 0;
              int count = 0;
              for (long row = top; row < top + o.kernel().height(); row++) {
                for (long column = left; column < left + o.kernel().width(); column++) {
                  boolean inside = row >= 0 && row < x.dim(2) && column >= 0 && column < x.dim(3);
                  boolean padding =
                      row < x.dim(2) + o.padding().height()
                          && column < x.dim(3) + o.padding().width();
                  sum += inside ? x.at(i[0], i[1], row, column) : 0;
                  count += inside || padding && o.countPadding() ? 1 : 0;
                }
              }
              return sum / count;
            });
  }

  /** The value of each window, from where it begins. */
  private static Doubles slid(
      Doubles x,
      PoolingOptions o,
      BiFunction<Long, Long, java.util.function.ToDoubleFunction<long[]>> window) {
    long height =
        places(
            x.dim(2),
            (o.kernel().height() - 1) * o.dilation().height() + 1,
            o.stride().height(),
            o.padding().height(),
            o.ceil());
    long width =
        places(
            x.dim(3),
            (o.kernel().width() - 1) * o.dilation().width() + 1,
            o.stride().width(),
            o.padding().width(),
            o.ceil());
    return Doubles.of(
        Shape.of(x.dim(0), x.dim(1), height, width),
        i ->
            window
                .apply(
                    i[2] * o.stride().height() - o.padding().height(),
                    i[3] * o.stride().width() - o.padding().width())
                .applyAsDouble(i));
  }

  /**
   * Places at which a window ends inside the padded axis; with ceil, one more that begins there.
   */
  private static long places(long size, int span, int stride, int padding, boolean ceil) {
    long places = 0;
    long start = -padding;
    while (start + span <= size + padding
        || ceil && start < size && reaches(start, stride, span, size + padding)) {
      places++;
      start += stride;
    }
    return places;
  }

  /** Whether the place before this one ends before the padded axis does. */
  private static boolean reaches(long start, int stride, int span, long end) {
    return start - stride + span < end;
  }

  private static Doubles shared(Doubles x, int height, int width) {
    return Doubles.of(
        Shape.of(x.dim(0), x.dim(1), height, width),
        i -> {
          double sum = 0;
          int count = 0;
          for (long row = 0; row < x.dim(2); row++) {
            for (long column = 0; column < x.dim(3); column++) {
              if (shares(row, x.dim(2), i[2], height) && shares(column, x.dim(3), i[3], width)) {
                sum += x.at(i[0], i[1], row, column);
                count++;
              }
            }
          }
          return sum / count;
        });
  }

  /** Whether an element of an axis has a part of the share that an output has. */
  private static boolean shares(long element, long size, long output, int outputs) {
    return (element + 1) * outputs > output * size && element * outputs < (output + 1) * size;
  }
}
