package io.gradus.op;

import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;

/** The front door of ops: what is wrong with the operands, said once for all of them. */
final class Checks {

  private Checks() {}

  static void floating(String op, Tensor x) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException(
          op
              + ": "
              + x.dtype()
              + " is not supported: supported are f32, bf16 and f16;"
              + " cast the tensor first");
    }
  }

  static void index(String op, Tensor x) {
    if (!x.dtype().isIndex()) {
      throw new IllegalArgumentException(
          op + ": indices must be i32 or i64: " + x.describe() + "; cast them first");
    }
  }

  static void type(String op, Tensor x, DType type) {
    if (x.dtype() != type) {
      throw new IllegalArgumentException(
          op + ": needs a tensor of type " + type + ": " + x.describe() + "; cast it first");
    }
  }

  static void sameType(String op, Tensor a, Tensor b) {
    if (a.dtype() != b.dtype()) {
      throw new IllegalArgumentException(
          op + ": types differ: " + a.dtype() + " and " + b.dtype() + "; cast one of them");
    }
    sameDevice(op, a, b);
  }

  static void sameDevice(String op, Tensor a, Tensor b) {
    if (a.device() != b.device()) {
      throw new IllegalArgumentException(
          op
              + ": devices differ: "
              + a.device()
              + " and "
              + b.device()
              + "; move one with to(device)");
    }
  }

  /** A vector for the last axis of x, F32 or of x's type; null where it is optional. */
  static void parameter(String op, String name, Tensor parameter, Tensor x) {
    if (parameter == null) {
      return;
    }
    if (parameter.dtype() == DType.F32) {
      sameDevice(op, x, parameter);
    } else {
      sameType(op, x, parameter);
    }
    if (parameter.rank() != 1 || x.rank() < 1 || parameter.dim(0) != x.dim(-1)) {
      throw new IllegalArgumentException(
          op
              + ": the "
              + name
              + " must have the input's last size: "
              + x.shape()
              + " and "
              + parameter.shape());
    }
  }

  static void sameShape(String op, Tensor a, Tensor b) {
    if (!a.shape().equals(b.shape())) {
      throw new IllegalArgumentException(
          op + ": shapes differ: " + a.shape() + " and " + b.shape());
    }
  }

  /** An axis as a number from 0 on. */
  static int axis(String op, Tensor x, int axis) {
    int counted = axis < 0 ? axis + x.rank() : axis;
    if (counted < 0 || counted >= x.rank()) {
      throw new IllegalArgumentException(
          op + ": axis " + axis + " is outside the shape " + x.shape() + " of rank " + x.rank());
    }
    return counted;
  }

  /** Runs a kernel that reads indices or labels and refuses those that lie outside. */
  static void indexed(Runnable kernel) {
    try {
      kernel.run();
    } catch (RuntimeException e) {
      String text = String.valueOf(e.getMessage());
      if (text.contains(" is outside [")) {
        throw new IndexOutOfBoundsException(text);
      }
      throw e;
    }
  }
}
