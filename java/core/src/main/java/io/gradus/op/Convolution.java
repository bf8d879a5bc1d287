package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.op.Windows.Axis;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * Convolutions of images and of sequences, of F32, BF16 or F16; sums are F32. As everywhere in the
 * field these are cross-correlations: the kernel is not flipped. Beside a BF16 or F16 input, from
 * which the output has its type, weight and bias may be F32: mixed precision.
 *
 * <p>Along an axis, a kernel of {@code k} elements with dilation {@code d} covers {@code d (k - 1)
 * + 1} of them. Of {@code n} elements with padding {@code p} and stride {@code s}, a convolution
 * makes {@code ⌊(n + 2p - d (k - 1) - 1) / s⌋ + 1}, and a transposed one {@code (n - 1) s - 2p + d
 * (k - 1) + 1} and the output padding.
 */
public final class Convolution {

  private Convolution() {}

  /**
   * {@code y[b, o, i] = bias[o] + Σ_c Σ_k weight[o, c, k] · x[b, c, s i + d k - p]}, as in
   * PyTorch's {@code conv1d}.
   *
   * @param x (batch, channels, width)
   * @param weight (out, channels / groups, kernel)
   * @param bias (out), or null for none
   * @return (batch, out, width')
   */
  public static Tensor conv1d(Tensor x, Tensor weight, Tensor bias, ConvolutionOptions options) {
    return convolution("conv1d", x, weight, bias, options);
  }

  /**
   * {@code y[b, o, i, j] = bias[o] + Σ_c Σ_k Σ_l weight[o, c, k, l] · x[b, c, s i + d k - p, s j +
   * d l - p]}, as in PyTorch's {@code conv2d} (LeCun et al. 1989; dilation: Yu and Koltun 2016).
   *
   * @param x (batch, channels, height, width)
   * @param weight (out, channels / groups, kernel height, kernel width)
   * @param bias (out), or null for none
   * @return (batch, out, height', width')
   */
  public static Tensor conv2d(Tensor x, Tensor weight, Tensor bias, ConvolutionOptions options) {
    return convolution("conv2d", x, weight, bias, options);
  }

  /**
   * The gradient of {@link #conv1d} with respect to its input, as an op: PyTorch's {@code
   * conv_transpose1d}.
   *
   * @param x (batch, channels, width)
   * @param weight (channels, out / groups, kernel)
   * @param bias (out), or null for none
   * @return (batch, out, width')
   */
  public static Tensor convTranspose1d(
      Tensor x, Tensor weight, Tensor bias, ConvolutionOptions options) {
    return transposed("convTranspose1d", x, weight, bias, options);
  }

  /**
   * The gradient of {@link #conv2d} with respect to its input, as an op (Zeiler et al. 2010):
   * PyTorch's {@code conv_transpose2d}.
   *
   * @param x (batch, channels, height, width)
   * @param weight (channels, out / groups, kernel height, kernel width)
   * @param bias (out), or null for none
   * @return (batch, out, height', width')
   */
  public static Tensor convTranspose2d(
      Tensor x, Tensor weight, Tensor bias, ConvolutionOptions options) {
    return transposed("convTranspose2d", x, weight, bias, options);
  }

  private static Tensor convolution(
      String op, Tensor x, Tensor weight, Tensor bias, ConvolutionOptions options) {
    if (Mixed.narrows(x)) {
      return convolution(op, Mixed.narrow(x), weight, bias, options);
    }
    check(op, x, weight, bias, weight.rank() > 0 ? weight.dim(0) : 0, options);
    Shape y = Sliding.outputOf(op, x, weight, options);
    return Sliding.of(x.shape(), y, weight.shape(), options).output(op, x, weight, bias);
  }

  private static Tensor transposed(
      String op, Tensor x, Tensor weight, Tensor bias, ConvolutionOptions options) {
    if (Mixed.narrows(x)) {
      return transposed(op, Mixed.narrow(x), weight, bias, options);
    }
    long out = weight.rank() > 1 ? weight.dim(1) * options.groups() : 0;
    check(op, x, weight, bias, out, options);
    Shape y = Sliding.inputOf(op, x, weight, options);
    return Sliding.of(y, x.shape(), weight.shape(), options).input(op, x, weight, bias);
  }

  private static void check(
      String op, Tensor x, Tensor weight, Tensor bias, long out, ConvolutionOptions options) {
    boolean flat = op.endsWith("1d");
    boolean transposed = op.startsWith("convT");
    int rank = flat ? 3 : 4;
    String sizes = flat ? "width)" : "height, width)";
    Checks.floating(op, x);
    checkParameter(op, x, weight);
    if (x.rank() != rank) {
      throw new IllegalArgumentException(
          op + ": the input must be (batch, channels, " + sizes + ": " + x.shape());
    }
    if (weight.rank() != rank || weight.shape().size(2, rank) == 0) {
      throw new IllegalArgumentException(
          op
              + ": the weight must be "
              + (transposed ? "(in, out / groups, " : "(out, in / groups, ")
              + sizes
              + " and its kernel not empty: "
              + weight.shape());
    }
    long groups = options.groups();
    if (x.dim(1) % groups != 0 || weight.dim(0) % groups != 0) {
      throw new IllegalArgumentException(
          op
              + ": groups must divide the channels: "
              + groups
              + " groups of "
              + x.shape()
              + " with a weight of "
              + weight.shape());
    }
    if (x.dim(1) != (transposed ? weight.dim(0) : weight.dim(1) * groups)) {
      throw new IllegalArgumentException(
          op
              + ": the weight does not fit the input's channels: "
              + x.shape()
              + " and "
              + weight.shape()
              + " in "
              + groups
              + (groups == 1 ? " group" : " groups"));
    }
    if (bias != null) {
      checkParameter(op, x, bias);
      Checks.sameType(op, weight, bias);
      if (bias.rank() != 1 || bias.dim(0) != out) {
        throw new IllegalArgumentException(
            op
                + ": the bias must have one number for each output channel: "
                + bias.shape()
                + " and "
                + out);
      }
    }
  }

  /** A parameter has the type of the activations that it meets, or F32. */
  private static void checkParameter(String op, Tensor x, Tensor parameter) {
    if (parameter.dtype() != DType.F32) {
      Checks.sameType(op, x, parameter);
    }
    Checks.sameDevice(op, x, parameter);
  }

  /** The sums of the channels of x (batch, channels, …), in one of the floating types. */
  private static Tensor channelSums(Tensor x, DType type) {
    Tensor y = Tensor.empty(Shape.of(x.dim(1)), type, x.device());
    channelSums(x, y, false);
    Shape along = x.rank() == 3 ? Shape.of(x.dim(1), 1) : Shape.of(x.dim(1), 1, 1);
    return Tape.record(
        "channelSums",
        y,
        wrt(
            x,
            dy -> {
              Tensor cast = Shapes.reshape(Pointwise.cast(dy, x.dtype()), along);
              return Shapes.expand(cast, x.shape());
            }));
  }

  private static void channelSums(Tensor x, Tensor y, boolean accumulate) {
    x.backend()
        .channelSums(
            x.typeCode(),
            x.address(),
            y.typeCode(),
            y.address(),
            x.dim(0),
            x.dim(1),
            x.shape().size(2, x.rank()),
            accumulate);
  }

  private static Wrt wrtBias(Tensor bias) {
    return wrt(
        bias,
        dy -> channelSums(dy, bias.dtype()),
        (dy, db, add) -> {
          channelSums(dy, db, add);
          Tape.record("channelSums", db, constant(dy));
        });
  }

  /**
   * A convolution of x that gives y, and the two other products that its three tensors make: each
   * is linear in both of its operands, and its gradients are the other two.
   */
  private record Sliding(Shape x, Shape y, Shape weight, long[] window) {

    static Sliding of(Shape x, Shape y, Shape weight, ConvolutionOptions options) {
      Axis height = height(weight, options);
      Axis width = width(weight, options);
      return new Sliding(x, y, weight, Windows.of(x, y, height, width, options.groups()));
    }

    private static Axis height(Shape weight, ConvolutionOptions o) {
      return weight.rank() == 3
          ? Axis.none()
          : Axis.height(weight.dim(2), o.stride(), o.padding(), o.dilation());
    }

    private static Axis width(Shape weight, ConvolutionOptions o) {
      return Axis.width(weight.dim(-1), o.stride(), o.padding(), o.dilation());
    }

    /** The shape of y, of an x. */
    static Shape outputOf(String op, Tensor x, Tensor weight, ConvolutionOptions o) {
      if (!o.outputPadding().are(0)) {
        throw new IllegalArgumentException(
            op + ": output padding belongs to transposed convolutions: " + o.outputPadding());
      }
      long columns = width(weight.shape(), o).places(op, x.dim(-1));
      long out = weight.dim(0);
      return x.rank() == 3
          ? Shape.of(x.dim(0), out, columns)
          : Shape.of(x.dim(0), out, height(weight.shape(), o).places(op, x.dim(2)), columns);
    }

    /** The shape of x, of a y. */
    static Shape inputOf(String op, Tensor y, Tensor weight, ConvolutionOptions o) {
      long out = weight.dim(1) * o.groups();
      long columns = spread(op, width(weight.shape(), o), y.dim(-1), o.outputPadding().width());
      return y.rank() == 3
          ? Shape.of(y.dim(0), out, columns)
          : Shape.of(
              y.dim(0),
              out,
              spread(op, height(weight.shape(), o), y.dim(2), o.outputPadding().height()),
              columns);
    }

    private static long spread(String op, Axis axis, long size, int more) {
      if (more > 0 && more >= axis.stride() && more >= axis.dilation()) {
        throw new IllegalArgumentException(
            op
                + ": output padding must be below stride or dilation: "
                + more
                + " with stride "
                + axis.stride()
                + " and dilation "
                + axis.dilation());
      }
      long spread = (size - 1) * axis.stride() - 2 * axis.padding() + axis.span() + more;
      if (size < 1 || spread < 1) {
        throw new IllegalArgumentException(
            op
                + ": nothing is left of the output: "
                + axis.name()
                + " "
                + spread
                + " of "
                + size
                + "; pad less");
      }
      return spread;
    }

    /** y, of x and the weight. */
    Tensor output(String op, Tensor from, Tensor w, Tensor bias) {
      Tensor to = Tensor.empty(y, from.dtype(), from.device());
      from.backend()
          .conv2d(
              from.typeCode(),
              from.address(),
              w.typeCode(),
              w.address(),
              bias == null ? 0 : bias.address(),
              to.address(),
              window);
      Wrt wrtX =
          wrt(
              from,
              dy -> input("convGradInput", dy, w, null),
              (dy, dx, add) -> {
                inputInto(dy, w, null, dx, add);
                Tape.record("convGradInput", dx, constant(dy), constant(w));
              });
      return recorded(op, to, wrtX, wrtWeight(w, dy -> from, dy -> dy), bias);
    }

    /** x, of y and the weight: the gradient by the input. */
    Tensor input(String op, Tensor from, Tensor w, Tensor bias) {
      Tensor to = Tensor.empty(x, from.dtype(), from.device());
      inputInto(from, w, bias, to, false);
      Wrt wrtY = wrt(from, dx -> output("convolution", dx, w, null));
      return recorded(op, to, wrtY, wrtWeight(w, dx -> dx, dx -> from), bias);
    }

    private static Tensor recorded(String op, Tensor to, Wrt first, Wrt weight, Tensor bias) {
      return bias == null
          ? Tape.record(op, to, first, weight)
          : Tape.record(op, to, first, weight, wrtBias(bias));
    }

    private void inputInto(Tensor from, Tensor w, Tensor bias, Tensor to, boolean accumulate) {
      from.backend()
          .conv2dGradInput(
              from.typeCode(),
              from.address(),
              w.typeCode(),
              w.address(),
              bias == null ? 0 : bias.address(),
              to.address(),
              accumulate,
              window);
    }

    /** The weight's gradient, with x and y made of the upstream gradient. */
    private Wrt wrtWeight(Tensor w, UnaryOperator<Tensor> xOf, UnaryOperator<Tensor> yOf) {
      return wrt(
          w,
          d -> weight(xOf.apply(d), yOf.apply(d), w.dtype()),
          (d, dw, add) -> {
            weightInto(xOf.apply(d), yOf.apply(d), dw, add);
            Tape.record("convGradWeight", dw, constant(xOf.apply(d)), constant(yOf.apply(d)));
          });
    }

    /** The weight, of x and y: the gradient by the weight. */
    private Tensor weight(Tensor ofX, Tensor ofY, DType type) {
      Tensor to = Tensor.empty(weight, type, ofX.device());
      weightInto(ofX, ofY, to, false);
      return Tape.record(
          "convGradWeight",
          to,
          wrt(ofX, dw -> input("convGradInput", ofY, dw, null)),
          wrt(ofY, dw -> output("convolution", ofX, dw, null)));
    }

    private void weightInto(Tensor ofX, Tensor ofY, Tensor to, boolean accumulate) {
      ofX.backend()
          .conv2dGradWeight(
              ofX.typeCode(),
              ofX.address(),
              ofY.address(),
              to.typeCode(),
              to.address(),
              accumulate,
              window);
    }
  }
}
