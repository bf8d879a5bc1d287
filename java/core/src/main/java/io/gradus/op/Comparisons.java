package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;

/**
 * Comparisons, element by element, of tensors of any one type. They give U8 masks of 1 and 0,
 * broadcast as arithmetic does and let no gradient through. Every comparison with NaN is 0, but for
 * {@code notEqual}.
 */
public final class Comparisons {

  /** A comparison's kernel. */
  @FunctionalInterface
  private interface Kernel {
    void run(int type, long a, long b, long y, long n, long[] dims);
  }

  private Comparisons() {}

  /** 1 where {@code a = b}. */
  public static Tensor equal(Tensor a, Tensor b) {
    return compare("equal", a, b, a.backend()::equal, false);
  }

  /** 1 where {@code x = c}. */
  public static Tensor equal(Tensor x, double c) {
    return equal(x, number("equal", x, c));
  }

  /** 1 where {@code a ≠ b}. */
  public static Tensor notEqual(Tensor a, Tensor b) {
    return compare("notEqual", a, b, a.backend()::notEqual, false);
  }

  /** 1 where {@code x ≠ c}. */
  public static Tensor notEqual(Tensor x, double c) {
    return notEqual(x, number("notEqual", x, c));
  }

  /** 1 where {@code a < b}. */
  public static Tensor less(Tensor a, Tensor b) {
    return compare("less", a, b, a.backend()::less, false);
  }

  /** 1 where {@code x < c}. */
  public static Tensor less(Tensor x, double c) {
    return less(x, number("less", x, c));
  }

  /** 1 where {@code a ≤ b}. */
  public static Tensor lessEqual(Tensor a, Tensor b) {
    return compare("lessEqual", a, b, a.backend()::lessEqual, false);
  }

  /** 1 where {@code x ≤ c}. */
  public static Tensor lessEqual(Tensor x, double c) {
    return lessEqual(x, number("lessEqual", x, c));
  }

  /** 1 where {@code a > b}. */
  public static Tensor greater(Tensor a, Tensor b) {
    return compare("greater", a, b, a.backend()::less, true);
  }

  /** 1 where {@code x > c}. */
  public static Tensor greater(Tensor x, double c) {
    return greater(x, number("greater", x, c));
  }

  /** 1 where {@code a ≥ b}. */
  public static Tensor greaterEqual(Tensor a, Tensor b) {
    return compare("greaterEqual", a, b, a.backend()::lessEqual, true);
  }

  /** 1 where {@code x ≥ c}. */
  public static Tensor greaterEqual(Tensor x, double c) {
    return greaterEqual(x, number("greaterEqual", x, c));
  }

  private static Tensor number(String op, Tensor x, double c) {
    boolean exists =
        switch (x.dtype()) {
          case I32 -> (int) c == c;
          case I64 -> (long) c == c;
          case U8 -> ((int) c & 0xff) == c;
          default -> true;
        };
    if (!exists) { // rounding would change the answer
      throw new IllegalArgumentException(
          op + ": " + c + " is no number of type " + x.dtype() + "; cast the tensor first");
    }
    return Tensor.full(c, Shape.of(), x.dtype(), x.device());
  }

  /** A kernel on both tensors, or, where {@code swap} says so, on b and a. */
  private static Tensor compare(String op, Tensor a, Tensor b, Kernel kernel, boolean swap) {
    if (Mixed.meet(a, b)) {
      return compare(op, Mixed.wide(a), Mixed.wide(b), kernel, swap);
    }
    Checks.sameType(op, a, b);
    Shape shape = Broadcast.shape(op, a.shape(), b.shape());
    Tensor y = Tensor.empty(shape, DType.U8, a.device());
    Tensor left = swap ? b : a;
    Tensor right = swap ? a : b;
    long[] dims = Broadcast.dims(shape, left.shape(), right.shape());
    kernel.run(a.typeCode(), left.address(), right.address(), y.address(), y.size(), dims);
    return Tape.record(op, y, constant(a), constant(b));
  }

  /** {@code y = a} where the U8 mask is not 0, else {@code b}; broadcast, of any type. */
  public static Tensor where(Tensor mask, Tensor a, Tensor b) {
    if (Mixed.meet(a, b)) {
      return where(mask, Mixed.wide(a), Mixed.wide(b));
    }
    Checks.type("where", mask, DType.U8);
    Checks.sameType("where", a, b);
    Checks.sameDevice("where", mask, a);
    Shape shape =
        Broadcast.shape("where", mask.shape(), Broadcast.shape("where", a.shape(), b.shape()));
    Tensor y = Tensor.empty(shape, a.dtype(), a.device());
    long[] dims = Broadcast.dims(shape, mask.shape(), a.shape(), b.shape());
    y.backend()
        .where(a.typeCode(), mask.address(), a.address(), b.address(), y.address(), y.size(), dims);
    if (!a.dtype().isFloating()) {
      return Tape.record("where", y, constant(mask), constant(a), constant(b));
    }
    return Tape.record(
        "where",
        y,
        constant(mask),
        wrt(a, dy -> Broadcast.reduce(where(mask, dy, zero(dy)), a.shape())),
        wrt(b, dy -> Broadcast.reduce(where(mask, zero(dy), dy), b.shape())));
  }

  private static Tensor zero(Tensor x) {
    return Tensor.full(0, Shape.of(), x.dtype(), x.device());
  }
}
