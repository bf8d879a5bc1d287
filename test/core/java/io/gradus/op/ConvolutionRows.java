package io.gradus.op;

import static io.gradus.op.Row.op;

import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** The rows of {@link OpTable} for {@link Convolution}, with its formula in plain loops. */
final class ConvolutionRows {

  private static final ConvolutionOptions PLAIN = ConvolutionOptions.defaults();

  private ConvolutionRows() {}

  static List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    rows.add(
        row("conv2d", PLAIN)
            .shapes("1x1x1x1 1x1x1x1 1", "2x3x5x4 2x3x3x2 2", "2x2x3x3 5x2x3x3 5")
            .shapes("0x2x3x3 4x2x3x3 4", "2x0x3x3 4x0x2x2 4", "2x2x3x3 0x2x2x2 0")
            .shapes("2x17x9x19 33x17x3x3 33")
            .rejects(
                "2x3x4 5x3x2x2 5",
                "conv2d: the input must be (batch, channels, height, width): (2, 3, 4)")
            .rejects(
                "2x3x4x4 5x3x2 5",
                "conv2d: the weight must be (out, in / groups, height, width) and its kernel not"
                    + " empty: (5, 3, 2)")
            .rejects(
                "2x3x4x4 5x3x2x0 5",
                "conv2d: the weight must be (out, in / groups, height, width) and its kernel not"
                    + " empty: (5, 3, 2, 0)")
            .rejects(
                "2x3x4x4 5x4x2x2 5",
                "conv2d: the weight does not fit the input's channels: (2, 3, 4, 4) and (5, 4, 2,"
                    + " 2) in 1 group")
            .rejects(
                "2x3x4x4 5x3x2x2 4",
                "conv2d: the bias must have one number for each output channel: (4) and 5")
            .rejects(
                "2x3x2x4 5x3x3x3 5",
                "conv2d: the kernel is larger than the padded input: height 3 and 2; pad more or"
                    + " take a smaller kernel")
            .rejects(
                "2x3x4x4 5x3x3x3 5",
                x -> Convolution.conv2d(x[0], x[1], x[2], PLAIN.groups(2)),
                "conv2d: groups must divide the channels: 2 groups of (2, 3, 4, 4) with a weight of"
                    + " (5, 3, 3, 3)")
            .rejects(
                "2x3x4x4 5x3x3x3 5",
                x -> Convolution.conv2d(x[0], x[1], x[2], PLAIN.outputPadding(1)),
                "conv2d: output padding belongs to transposed convolutions: 1 x 1")
            .rejects(
                "2x3x4x4 5x3x3x3 5",
                x -> Convolution.conv2d(x[0], x[1], x[2], ConvolutionOptions.stride(0)),
                "convolution: stride must be 1 or more: 0 x 0"));
    rows.add(row("conv2d", PLAIN.padding(1)).shapes("2x2x3x4 3x2x3x3 3", "1x1x1x1 2x1x3x3 2"));
    rows.add(row("conv2d", ConvolutionOptions.stride(2).padding(1)).shapes("2x2x5x4 3x2x3x3 3"));
    rows.add(
        row("conv2d", PLAIN.strides(3, 2).padding(0, 4).dilation(2, 3))
            .shapes("1x2x7x9 2x2x3x2 2", "2x1x8x6 1x1x2x2 1"));
    rows.add(row("conv2d", PLAIN.groups(2)).shapes("2x4x3x3 6x2x2x2 6"));
    rows.add(
        row("conv2d", ConvolutionOptions.stride(2).padding(1).groups(3))
            .shapes("1x3x4x5 3x1x3x3 3", "1x3x3x3 6x1x3x3 6", "2x9x20x21 9x3x3x3 9"));
    rows.add(without("conv2d", ConvolutionOptions.stride(2).padding(1)).shapes("2x2x5x4 3x2x3x3"));

    rows.add(
        row("conv1d", PLAIN)
            .shapes("1x1x1 1x1x1 1", "2x3x5 4x3x2 4", "0x3x5 4x3x2 4", "2x7x1030 3x7x5 3")
            .rejects("2x3 4x3x2 4", "conv1d: the input must be (batch, channels, width): (2, 3)")
            .rejects(
                "2x3x4 4x3x5 4",
                "conv1d: the kernel is larger than the padded input: width 5 and 4; pad more or"
                    + " take a smaller kernel"));
    rows.add(
        row("conv1d", ConvolutionOptions.stride(2).padding(3).dilation(2).groups(2))
            .shapes("2x4x7 6x2x3 6"));
    rows.add(without("conv1d", PLAIN.padding(1)).shapes("2x3x5 4x3x3"));

    rows.add(
        row("convTranspose2d", PLAIN)
            .shapes("1x1x1x1 1x1x1x1 1", "2x3x3x4 3x2x3x2 2", "0x2x3x3 2x4x3x3 4")
            .shapes("2x33x8x9 33x17x3x3 17")
            .rejects(
                "2x3x4x4 5x3x2x2 3",
                "convTranspose2d: the weight does not fit the input's channels: (2, 3, 4, 4) and"
                    + " (5, 3, 2, 2) in 1 group")
            .rejects(
                "2x3x4x4 3x5x2 5",
                "convTranspose2d: the weight must be (in, out / groups, height, width) and its"
                    + " kernel not empty: (3, 5, 2)")
            .rejects(
                "2x3x4x4 3x5x2x2 4",
                "convTranspose2d: the bias must have one number for each output channel: (4) and 5")
            .rejects(
                "2x3x1x4 3x5x2x2 5",
                x -> Convolution.convTranspose2d(x[0], x[1], x[2], PLAIN.padding(1)),
                "convTranspose2d: nothing is left of the output: height 0 of 1; pad less")
            .rejects(
                "2x3x4x4 3x5x2x2 5",
                x -> Convolution.convTranspose2d(x[0], x[1], x[2], PLAIN.outputPadding(0, 1)),
                "convTranspose2d: output padding must be below stride or dilation: 1 with stride 1"
                    + " and dilation 1"));
    rows.add(
        row("convTranspose2d", ConvolutionOptions.stride(2).padding(1).outputPadding(1))
            .shapes("2x2x3x2 2x3x3x3 3"));
    rows.add(
        row("convTranspose2d", PLAIN.strides(2, 3).padding(1, 0).dilation(2, 1).outputPadding(1, 0))
            .shapes("1x2x3x2 2x2x2x2 2"));
    rows.add(
        row("convTranspose2d", ConvolutionOptions.stride(2).groups(2)).shapes("2x4x3x2 4x3x2x3 6"));
    rows.add(without("convTranspose2d", ConvolutionOptions.stride(3)).shapes("2x2x3x2 2x3x2x2"));

    rows.add(
        row("convTranspose1d", PLAIN)
            .shapes("1x1x1 1x1x1 1", "2x3x5 3x4x2 4", "0x3x5 3x4x2 4")
            .rejects(
                "2x3 3x4x2 4",
                "convTranspose1d: the input must be (batch, channels, width): (2, 3)"));
    rows.add(
        row("convTranspose1d", ConvolutionOptions.stride(3).padding(1).outputPadding(2).groups(2))
            .shapes("2x4x4 4x2x4 4"));
    return rows;
  }

  private static Row row(String name, ConvolutionOptions options) {
    return refined(
        op(
            name,
            x -> call(name, x[0], x[1], x[2], options),
            x -> reference(name, x[0], x[1], x[2], options)));
  }

  private static Row without(String name, ConvolutionOptions options) {
    return refined(
        op(
            name,
            x -> call(name, x[0], x[1], null, options),
            x -> reference(name, x[0], x[1], null, options)));
  }

  /** Sums of products cancel; parameters may be F32 beside a narrower input. */
  private static Row refined(Row row) {
    return row.tolerance(1e-6, 2e-5).mixedPrecision().roundsOnGpu(8);
  }

  private static Tensor call(
      String name, Tensor x, Tensor weight, Tensor bias, ConvolutionOptions options) {
    return switch (name) {
      case "conv1d" -> Convolution.conv1d(x, weight, bias, options);
      case "conv2d" -> Convolution.conv2d(x, weight, bias, options);
      case "convTranspose1d" -> Convolution.convTranspose1d(x, weight, bias, options);
      default -> Convolution.convTranspose2d(x, weight, bias, options);
    };
  }

  private static Doubles reference(
      String name, Doubles x, Doubles weight, Doubles bias, ConvolutionOptions options) {
    boolean flat = name.endsWith("1d");
    Doubles images = flat ? withHeight(x) : x;
    Doubles kernels = flat ? withHeight(weight) : weight;
    ConvolutionOptions o =
        flat
            ? new ConvolutionOptions(
                new PerAxis(1, options.stride().width()),
                new PerAxis(0, options.padding().width()),
                new PerAxis(1, options.dilation().width()),
                options.groups(),
                new PerAxis(0, options.outputPadding().width()))
            : options;
    Doubles y =
        name.startsWith("convT")
            ? convTranspose(images, kernels, bias, o)
            : conv(images, kernels, bias, o);
    return flat ? y.reshape(Shape.of(y.dim(0), y.dim(1), y.dim(3))) : y;
  }

  private static Doubles withHeight(Doubles x) {
    return x.reshape(Shape.of(x.dim(0), x.dim(1), 1, x.dim(2)));
  }

  private static Doubles conv(Doubles x, Doubles w, Doubles bias, ConvolutionOptions o) {
    long height =
        places(
            x.dim(2), w.dim(2), o.stride().height(), o.padding().height(), o.dilation().height());
    long width =
        places(x.dim(3), w.dim(3), o.stride().width(), o.padding().width(), o.dilation().width());
    long ins = w.dim(1);
    long outs = w.dim(0) / o.groups();
    return Doubles.of(
        Shape.of(x.dim(0), w.dim(0), height, width),
        at -> {
          double sum = bias == null ? 0 : bias.at(at[1]);
          for (long c = 0; c < ins; c++) {
            for (long k = 0; k < w.dim(2); k++) {
              for (long l = 0; l < w.dim(3); l++) {
                long i =
                    at[2] * o.stride().height() + k * o.dilation().height() - o.padding().height();
                long j =
                    at[3] * o.stride().width() + l * o.dilation().width() - o.padding().width();
                if (i >= 0 && i < x.dim(2) && j >= 0 && j < x.dim(3)) {
                  sum += w.at(at[1], c, k, l) * x.at(at[0], at[1] / outs * ins + c, i, j);
                }
              }
            }
          }
          return sum;
        });
  }

  private static long places(long n, long kernel, long stride, long padding, long dilation) {
    return (n + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
  }

  /** Each element of x, times the kernel, is added to where the kernel lies. */
  private static Doubles convTranspose(Doubles x, Doubles w, Doubles bias, ConvolutionOptions o) {
    long outs = w.dim(1);
    long ins = w.dim(0) / o.groups();
    Shape shape =
        Shape.of(
            x.dim(0),
            outs * o.groups(),
            (x.dim(2) - 1) * o.stride().height()
                - 2 * o.padding().height()
                + o.dilation().height() * (w.dim(2) - 1)
                + 1
                + o.outputPadding().height(),
            (x.dim(3) - 1) * o.stride().width()
                - 2 * o.padding().width()
                + o.dilation().width() * (w.dim(3) - 1)
                + 1
                + o.outputPadding().width());
    Doubles y = Doubles.of(shape, at -> bias == null ? 0 : bias.at(at[1]));
    Doubles.of(
        x.shape(),
        at -> {
          for (long c = 0; c < outs; c++) {
            for (long k = 0; k < w.dim(2); k++) {
              for (long l = 0; l < w.dim(3); l++) {
                long i =
                    at[2] * o.stride().height() + k * o.dilation().height() - o.padding().height();
                long j =
                    at[3] * o.stride().width() + l * o.dilation().width() - o.padding().width();
                if (i >= 0 && i < y.dim(2) && j >= 0 && j < y.dim(3)) {
                  long channel = at[1] / ins * outs + c;
                  long place = ((at[0] * y.dim(1) + channel) * y.dim(2) + i) * y.dim(3) + j;
                  y.values()[(int) place] += x.at(at) * w.at(at[1], c, k, l);
                }
              }
            }
          }
          return 0;
        });
    return y;
  }
}
