package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * Products of matrices, of F32, BF16 or F16; sums are F32. A tensor of more than two axes is a
 * batch of matrices, its last two axes each; batches multiply pair by pair, or all with one matrix.
 */
public final class LinearAlgebra {

  private LinearAlgebra() {}

  /** {@code y = a b}: (…, m, k) times (…, k, n) gives (…, m, n). */
  public static Tensor matmul(Tensor a, Tensor b) {
    if (Mixed.narrows(a, b)) {
      return matmul(Mixed.narrow(a), Mixed.narrow(b));
    }
    Checks.sameType("matmul", a, b);
    return product("matmul", a, false, b, false, a.dtype());
  }

  /** {@code y = a bᵀ}: (…, m, k) times (…, n, k) gives (…, m, n). */
  public static Tensor matmulNT(Tensor a, Tensor b) {
    if (Mixed.narrows(a, b)) {
      return matmulNT(Mixed.narrow(a), Mixed.narrow(b));
    }
    Checks.sameType("matmulNT", a, b);
    return product("matmulNT", a, false, b, true, a.dtype());
  }

  /** {@code y = aᵀ b}: (…, k, m) times (…, k, n) gives (…, m, n). */
  public static Tensor matmulTN(Tensor a, Tensor b) {
    if (Mixed.narrows(a, b)) {
      return matmulTN(Mixed.narrow(a), Mixed.narrow(b));
    }
    Checks.sameType("matmulTN", a, b);
    return product("matmulTN", a, true, b, false, a.dtype());
  }

  /** The product of operands of any two floating types, as a tensor of a third. */
  private static Tensor product(
      String op, Tensor a, boolean transposeA, Tensor b, boolean transposeB, DType type) {
    Product p = Product.of(op, a, transposeA, b, transposeB);
    Tensor y = Tensor.empty(p.shape, type, a.device());
    p.run(a, b, null, y, false);
    return Tape.record(
        op,
        y,
        wrt(a, dy -> Broadcast.reduce(gradA(dy, a, b, transposeA, transposeB), a.shape())),
        wrt(b, dy -> Broadcast.reduce(gradB(dy, a, b, transposeA, transposeB), b.shape())));
  }

  private static Tensor gradA(
      Tensor dy, Tensor a, Tensor b, boolean transposeA, boolean transposeB) {
    return transposeA
        ? product("matmul", b, transposeB, dy, true, a.dtype())
        : product("matmul", dy, false, b, !transposeB, a.dtype());
  }

  private static Tensor gradB(
      Tensor dy, Tensor a, Tensor b, boolean transposeA, boolean transposeB) {
    return transposeB
        ? product("matmul", dy, true, a, transposeA, b.dtype())
        : product("matmul", a, !transposeA, dy, false, b.dtype());
  }

  /** {@code y = x wᵀ}: x is (…, in), w (out, in), y (…, out), as in PyTorch's {@code linear}. */
  public static Tensor linear(Tensor x, Tensor w) {
    return linear(x, w, null);
  }

  /**
   * {@code y = x wᵀ + bias}: x is (…, in), w (out, in), bias (out) or null, y (…, out), as in
   * PyTorch's {@code linear}. Beside a BF16 or F16 input, from which y has its type, weight and
   * bias may be F32: mixed precision.
   */
  public static Tensor linear(Tensor x, Tensor w, Tensor bias) {
    if (Mixed.narrows(x)) {
      return linear(Mixed.narrow(x), w, bias);
    }
    checkLinear(x, w, bias);
    Tensor rows = rows(x);
    Product p = Product.of("linear", rows, false, w, true);
    Tensor y = Tensor.empty(x.shape().with(-1, w.dim(0)), x.dtype(), x.device());
    p.run(rows, w, bias, y, false);
    Wrt wrtX =
        wrt(
            x,
            dy -> {
              if (Tape.isRecording()) {
                Tensor dx = product("matmul", rows(dy), false, w, false, x.dtype());
                return Shapes.reshape(dx, x.shape());
              }
              // Of its own memory, so that other gradients of x can be added in place.
              Tensor dx = Tensor.emptyLike(x);
              gradInto(rows(dy), false, w, dx, false);
              return dx;
            },
            (dy, dx, add) -> gradInto(rows(dy), false, w, dx, add));
    Wrt wrtW =
        wrt(
            w,
            dy -> product("matmulTN", rows(dy), true, rows(x), false, w.dtype()),
            (dy, dw, add) -> gradInto(rows(dy), true, rows(x), dw, add));
    return bias == null
        ? Tape.record("linear", y, wrtX, wrtW)
        : Tape.record("linear", y, wrtX, wrtW, wrtBias(bias));
  }

  private static void checkLinear(Tensor x, Tensor w, Tensor bias) {
    Checks.floating("linear", x);
    checkParameter("linear", x, w);
    if (x.rank() < 1 || w.rank() != 2 || x.dim(-1) != w.dim(1)) {
      throw new IllegalArgumentException(
          "linear: the input's last size must be the weight's second: "
              + x.shape()
              + " and "
              + w.shape()
              + "; the weight is (out, in)");
    }
    if (bias != null) {
      checkParameter("linear", x, bias);
      if (bias.rank() != 1 || bias.dim(0) != w.dim(0)) {
        throw new IllegalArgumentException(
            "linear: the bias must have the weight's first size: "
                + bias.shape()
                + " and "
                + w.shape());
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

  /** The tensor as a matrix: all axes but the last are one. */
  private static Tensor rows(Tensor x) {
    return x.rank() == 2 ? x : Shapes.reshape(x, x.shape().size(0, x.rank() - 1), x.dim(-1));
  }

  /** {@code y = a b}, or {@code y = aᵀ b}, or that much more than it was. */
  private static void gradInto(
      Tensor a, boolean transposeA, Tensor b, Tensor y, boolean accumulate) {
    Product.of("linear", a, transposeA, b, false).run(a, b, null, y, accumulate);
    Tape.record("linearGrad", y, constant(a), constant(b));
  }

  /** {@code y = x + bias}, the bias (n) added along the last axis of x (…, n). */
  public static Tensor addBias(Tensor x, Tensor bias) {
    if (Mixed.meet(x, bias)) {
      return addBias(Mixed.wide(x), Mixed.wide(bias));
    }
    Checks.floating("addBias", x);
    Checks.sameType("addBias", x, bias);
    if (x.rank() < 1 || bias.rank() != 1 || bias.dim(0) != x.dim(-1)) {
      throw new IllegalArgumentException(
          "addBias: the bias must have the input's last size: "
              + x.shape()
              + " and "
              + bias.shape());
    }
    Tensor y = Tensor.emptyLike(x);
    long[] dims = Broadcast.dims(x.shape(), x.shape(), bias.shape());
    x.backend().add(x.typeCode(), x.address(), bias.address(), y.address(), y.size(), dims);
    return Tape.record("addBias", y, wrt(x, dy -> dy), wrtBias(bias));
  }

  private static Wrt wrtBias(Tensor bias) {
    return wrt(
        bias, dy -> columnSums(rows(dy), bias.dtype()), (dy, db, add) -> biasGrad(dy, db, add));
  }

  /** The sums of a matrix's columns, (rows, n) to (n), in one of the floating types. */
  private static Tensor columnSums(Tensor x, DType type) {
    Tensor y = Tensor.empty(Shape.of(x.dim(1)), type, x.device());
    columnSums(x, y, false);
    return Tape.record(
        "columnSums", y, wrt(x, dy -> Shapes.expand(Pointwise.cast(dy, x.dtype()), x.shape())));
  }

  private static void columnSums(Tensor x, Tensor y, boolean accumulate) {
    x.backend()
        .columnSums(
            x.typeCode(), x.address(), y.typeCode(), y.address(), x.dim(0), x.dim(1), accumulate);
  }

  private static void biasGrad(Tensor dy, Tensor db, boolean accumulate) {
    Tensor x = rows(dy);
    columnSums(x, db, accumulate);
    Tape.record("columnSums", db, constant(x));
  }

  /** What a product's kernel needs to know: sizes, strides and flags. */
  private record Product(
      Shape shape,
      long batch,
      long m,
      long n,
      long k,
      long strideA,
      long strideB,
      boolean transposeA,
      boolean transposeB) {

    static Product of(String op, Tensor a, boolean transposeA, Tensor b, boolean transposeB) {
      Checks.floating(op, a);
      Checks.floating(op, b);
      Checks.sameDevice(op, a, b);
      if (a.rank() < 2 || b.rank() < 2) {
        throw new IllegalArgumentException(
            op + ": operands must have two axes or more: " + a.shape() + " x " + b.shape());
      }
      long m = a.dim(transposeA ? -1 : -2);
      long k = a.dim(transposeA ? -2 : -1);
      long n = b.dim(transposeB ? -2 : -1);
      if (k != b.dim(transposeB ? -1 : -2)) {
        throw new IllegalArgumentException(
            op + ": inner sizes differ: " + a.shape() + " x " + b.shape() + advice(op));
      }
      Shape batchA = batchOf(a);
      Shape batchB = batchOf(b);
      if (!batchA.equals(batchB) && batchA.rank() > 0 && batchB.rank() > 0) {
        throw new IllegalArgumentException(
            op
                + ": batches differ: "
                + a.shape()
                + " x "
                + b.shape()
                + "; they must be the same, or one operand a single matrix");
      }
      Shape batch = batchA.rank() > 0 ? batchA : batchB;
      long[] dims = Arrays.copyOf(batch.toArray(), batch.rank() + 2);
      dims[batch.rank()] = m;
      dims[batch.rank() + 1] = n;
      return new Product(
          Shape.of(dims),
          batch.size(),
          m,
          n,
          k,
          batchA.rank() > 0 ? m * k : 0,
          batchB.rank() > 0 ? k * n : 0,
          transposeA,
          transposeB);
    }

    private static Shape batchOf(Tensor x) {
      return Shape.of(Arrays.copyOf(x.shape().toArray(), x.rank() - 2));
    }

    private static String advice(String op) {
      return switch (op) {
        case "matmul" -> "; matmulNT multiplies by the transpose";
        case "linear" -> "; the weight is (out, in)";
        default -> "";
      };
    }

    void run(Tensor a, Tensor b, Tensor bias, Tensor y, boolean accumulate) {
      // A batch of matrices times one matrix is one tall product.
      boolean tall = strideB == 0 && batch > 1 && !transposeA;
      y.backend()
          .matmul(
              a.typeCode(),
              a.address(),
              b.typeCode(),
              b.address(),
              bias == null ? y.typeCode() : bias.typeCode(),
              bias == null ? 0 : bias.address(),
              y.typeCode(),
              y.address(),
              tall ? 1 : batch,
              tall ? batch * m : m,
              n,
              k,
              strideA,
              strideB,
              transposeA,
              transposeB,
              accumulate);
    }
  }
}
