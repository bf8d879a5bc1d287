package io.gradus.optim;

import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.tensor.Tensor;

/** Arithmetic of vectors as long as a model; scalars stay on the device where they can. */
final class Vectors {

  private Vectors() {}

  /** The inner product, a scalar. */
  static Tensor product(Tensor a, Tensor b) {
    try (Tensor products = Pointwise.mul(a, b)) {
      return Reductions.sum(products);
    }
  }

  static double dot(Tensor a, Tensor b) {
    try (Tensor product = product(a, b)) {
      return product.item();
    }
  }

  /** {@code y += by · x}. */
  static void add(Tensor y, Tensor by, Tensor x) {
    try (Tensor scaled = Pointwise.mul(x, by)) {
      y.backend().add(y.typeCode(), y.address(), scaled.address(), y.address(), y.size(), null);
    }
  }

  /** {@code y += by · x}. */
  static void add(Tensor y, double by, Tensor x) {
    try (Tensor scaled = Pointwise.mul(x, by)) {
      y.backend().add(y.typeCode(), y.address(), scaled.address(), y.address(), y.size(), null);
    }
  }

  /** {@code y *= by}. */
  static void scale(Tensor y, double by) {
    y.backend().affine(y.typeCode(), y.address(), y.address(), y.size(), by, -0.0);
  }

  /** The largest size of an element. */
  static double largest(Tensor x) {
    try (Tensor sizes = Pointwise.abs(x);
        Tensor largest = Reductions.max(sizes)) {
      return largest.item();
    }
  }

  /** The sum of the sizes of its elements. */
  static double absoluteSum(Tensor x) {
    try (Tensor sizes = Pointwise.abs(x);
        Tensor sum = Reductions.sum(sizes)) {
      return sum.item();
    }
  }
}
